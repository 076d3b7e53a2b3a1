package dev.luthier.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/**
 * All of a GGUF file but its data, read and checked against the rules of the format, versions 2 and
 * 3: magic, version, counts, metadata, tensor infos; then the data section, aligned, each tensor at
 * the padded end of the one before. Whatever a file claims, memory grows only with its real size
 * and stays below a bound.
 *
 * <p>Source: docs/gguf.md of github.com/ggml-org/ggml, and what gguf.cpp there accepts.
 */
record GgufHeader(int version, long alignment, SequencedMap<String, GgufValue> metadata, List<Entry> entries,
        long dataOffset) {
    static final int MAGIC = 'G' | 'G' << 8 | 'U' << 16 | 'F' << 24;
    static final int VERSION = 3;
    static final String ALIGNMENT_KEY = "general.alignment";
    static final long DEFAULT_ALIGNMENT = 32;
    /** Names have fewer bytes than this. */
    static final int MAX_NAME_BYTES = 64;
    static final int MAX_RANK = 4;
    static final int MAX_KEY_BYTES = 65535;

    /** Bounds of this reader, far above any real file: they keep a hostile one from filling the heap. */
    private static final long MAX_ENTRIES = 1 << 20;
    private static final long MAX_METADATA_BYTES = 64L << 20;
    private static final int MAX_NESTING = 4;

    private static final int MIN_METADATA_ENTRY = 8 + 1 + 4 + 1;
    private static final int MIN_TENSOR_ENTRY = 8 + 1 + 4 + 4 + 8;
    private static final String REMEDY = "the file is damaged or incomplete: fetch or export it again";

    /** A tensor and the place of its first byte in the file. */
    record Entry(TensorInfo info, long offset) {
    }

    static GgufHeader parse(Path file, MemorySegment bytes) {
        return new Reader(file, bytes).read();
    }

    /** The first multiple of {@code alignment}, a power of two, from {@code at} on. */
    static long padded(long at, long alignment) {
        return Math.addExact(at, alignment - 1) & -alignment;
    }

    /** One pass over a file. */
    private static final class Reader {
        private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

        private final Path file;
        private final MemorySegment bytes;
        private final long size;
        private final SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
        private String place = "header";
        private long at;

        Reader(Path file, MemorySegment bytes) {
            this.file = file;
            this.bytes = bytes;
            this.size = bytes.byteSize();
        }

        GgufHeader read() {
            int version = readVersion();
            long tensors = count("tensors", MIN_TENSOR_ENTRY);
            long pairs = count("metadata keys", MIN_METADATA_ENTRY);
            readMetadata(pairs);
            long alignment = readAlignment();
            List<Declared> declared = new ArrayList<>();
            Set<String> names = new HashSet<>();
            long next = 0;
            for (long i = 0; i < tensors; i++) {
                place = "tensor " + (i + 1) + " of " + tensors;
                Declared d = readTensor(next);
                if (!names.add(d.info.name())) {
                    throw bad("a second tensor of this name", "names used once");
                }
                next = end(d, alignment);
                declared.add(d);
            }
            return new GgufHeader(version, alignment, Collections.unmodifiableSequencedMap(metadata),
                    place(declared, alignment, next), dataOffset(alignment));
        }

        private record Declared(TensorInfo info, long offset) {
        }

        private int readVersion() {
            int magic = int32();
            if (magic != MAGIC) {
                throw bad("magic bytes " + String.format("%08x", Integer.reverseBytes(magic)), "'GGUF'");
            }
            int version = int32();
            if ((version & 0xFFFF) == 0 && version != 0) {
                throw new FormatException(file, place, "version " + Integer.toUnsignedString(version)
                        + ", which is byte-swapped", "a little-endian file", "convert the model for a little-endian machine");
            }
            if (version < 2 || version > VERSION) {
                throw new FormatException(file, place, "version " + Integer.toUnsignedString(version),
                        "2 or 3", "convert the model to GGUF version 3");
            }
            return version;
        }

        /** A number of things that take at least so many bytes each. */
        private long count(String things, int atLeast) {
            long n = int64();
            if (Long.compareUnsigned(n, (size - at) / atLeast) > 0) {
                throw bad(Long.toUnsignedString(n) + " " + things, "no more than the " + (size - at)
                        + " bytes after it can hold");
            }
            if (n > MAX_ENTRIES) {
                throw bad(n + " " + things, "at most " + MAX_ENTRIES);
            }
            return n;
        }

        private void readMetadata(long pairs) {
            for (long i = 0; i < pairs; i++) {
                place = "metadata key " + (i + 1) + " of " + pairs;
                String key = name("a key", MAX_KEY_BYTES);
                place = "metadata key " + FormatException.quote(key);
                GgufType type = type();
                if (metadata.put(key, value(type, 0)) != null) {
                    throw bad("the key a second time", "keys used once");
                }
            }
        }

        private GgufValue value(GgufType type, int depth) {
            return switch (type) {
                case STRING -> new GgufValue(type, null, GgufValue.text(string(MAX_METADATA_BYTES)));
                case ARRAY -> array(depth + 1);
                default -> {
                    Object scalar = GgufValue.scalar(type, take(type.bytes()), 0);
                    yield new GgufValue(type, null, scalar);
                }
            };
        }

        private GgufValue array(int depth) {
            if (depth > MAX_NESTING) {
                throw bad("arrays nested more than " + MAX_NESTING + " deep", "fewer levels");
            }
            GgufType element = type();
            int atLeast = switch (element) {
                case STRING -> 8;
                case ARRAY -> 12;
                default -> element.bytes();
            };
            long n = int64();
            if (Long.compareUnsigned(n, (size - at) / atLeast) > 0) {
                throw bad("an array of " + Long.toUnsignedString(n) + " " + element, "no more than the "
                        + (size - at) + " bytes after it can hold");
            }
            if (element.isFixed()) {
                return new GgufValue(GgufType.ARRAY, element, new GgufValue.Packed(element,
                        take(n * element.bytes()).toArray(ValueLayout.JAVA_BYTE)));
            }
            List<Object> values = new ArrayList<>();
            for (long i = 0; i < n; i++) {
                values.add(element == GgufType.ARRAY ? array(depth + 1)
                        : GgufValue.text(string(MAX_METADATA_BYTES)));
            }
            return new GgufValue(GgufType.ARRAY, element, Collections.unmodifiableList(values));
        }

        private long readAlignment() {
            place = "metadata key '" + ALIGNMENT_KEY + "'";
            GgufValue value = metadata.get(ALIGNMENT_KEY);
            if (value == null) {
                return DEFAULT_ALIGNMENT;
            }
            if (value.type() != GgufType.UINT32) {
                throw bad("type " + value.type(), "UINT32");
            }
            long alignment = (Long) value.value();
            if (Long.bitCount(alignment) != 1) {
                throw bad("" + alignment, "a power of two");
            }
            return alignment;
        }

        private Declared readTensor(long expectedOffset) {
            String name = name("a tensor name", MAX_NAME_BYTES - 1);
            place = "tensor " + FormatException.quote(name);
            int rank = int32();
            if (rank < 0 || rank > MAX_RANK) {
                throw bad(Integer.toUnsignedString(rank) + " dimensions", "at most " + MAX_RANK);
            }
            List<Long> shape = new ArrayList<>();
            for (int i = 0; i < rank; i++) {
                long d = int64();
                if (d < 0) {
                    throw bad("a dimension of " + d, "no negative one");
                }
                shape.addFirst(d);
            }
            DType dtype = dtype();
            long offset = int64();
            if (offset != expectedOffset) {
                throw bad("offset " + Long.toUnsignedString(offset), expectedOffset + ", the padded end of the tensor before");
            }
            return new Declared(info(name, dtype, shape), offset);
        }

        private TensorInfo info(String name, DType dtype, List<Long> shape) {
            long row = shape.isEmpty() ? 1 : shape.getLast();
            if (row % dtype.blockElements() != 0) {
                throw bad("rows of " + row + " elements of " + dtype, "a multiple of its block of " + dtype.blockElements());
            }
            try {
                return new TensorInfo(name, dtype, shape);
            } catch (IllegalArgumentException e) {
                throw bad("shape " + shape + " of " + dtype, "fewer than 2^63 elements and bytes");
            }
        }

        private DType dtype() {
            int number = int32();
            return DType.ofGgml(number).orElseThrow(() -> new FormatException(file, place, "tensor type "
                    + Integer.toUnsignedString(number)
                    + DType.removedGgml(number).map(n -> " (" + n + ", removed from GGUF)").orElse(""),
                    "a type of GGUF such as F16, Q8_0 or Q4_K", "use the model in another quantization"));
        }

        private long end(Declared d, long alignment) {
            try {
                return padded(Math.addExact(d.offset, d.info.bytes()), alignment);
            } catch (ArithmeticException e) {
                throw bad(d.info.bytes() + " bytes at offset " + d.offset, "an end below 2^63");
            }
        }

        private long dataOffset(long alignment) {
            return padded(at, alignment);
        }

        /** Turns offsets in the data section into offsets in the file, once all of it is known to be there. */
        private List<Entry> place(List<Declared> declared, long alignment, long dataBytes) {
            long start = dataOffset(alignment);
            for (Declared d : declared) {
                place = "tensor " + FormatException.quote(d.info.name());
                if (start > size || d.info.bytes() > size - start - d.offset) {
                    throw bad(Math.max(0, size - start) + " bytes of data in the file", d.info.bytes()
                            + " bytes at offset " + d.offset);
                }
            }
            if (!declared.isEmpty() && dataBytes > size - start) {
                place = "end of the data";
                throw bad((size - start) + " bytes of data in the file", dataBytes + " with the padding of its last tensor");
            }
            return declared.stream().map(d -> new Entry(d.info, start + d.offset)).toList();
        }

        private GgufType type() {
            int number = int32();
            return GgufType.of(number).orElseThrow(() ->
                    bad("value type " + Integer.toUnsignedString(number), "one from 0 to " + (GgufType.values().length - 1)));
        }

        /** A string that names something: not empty, UTF-8, not too long. */
        private String name(String what, int maxBytes) {
            byte[] raw = string(maxBytes);
            if (raw.length == 0) {
                throw bad(what + " that is empty", "at least one byte");
            }
            if (!(GgufValue.text(raw) instanceof String text)) {
                throw bad(what + " " + FormatException.quote(new String(raw, StandardCharsets.UTF_8)), "UTF-8");
            }
            return text;
        }

        private byte[] string(long maxBytes) {
            long n = int64();
            if (Long.compareUnsigned(n, size - at) > 0) {
                throw bad("a string of " + Long.toUnsignedString(n) + " bytes", "at most the " + (size - at)
                        + " that follow");
            }
            if (n > maxBytes) {
                throw bad("a string of " + n + " bytes", "at most " + maxBytes);
            }
            return take(n).toArray(ValueLayout.JAVA_BYTE);
        }

        private int int32() {
            return take(4).get(INT, 0);
        }

        private long int64() {
            return take(8).get(LONG, 0);
        }

        private MemorySegment take(long n) {
            if (n > size - at) {
                throw bad("the end of the file at byte " + size, n + " bytes at " + at);
            }
            if (at + n > MAX_METADATA_BYTES) {
                throw bad("more than " + MAX_METADATA_BYTES + " bytes before the data", "less");
            }
            MemorySegment piece = bytes.asSlice(at, n);
            at += n;
            return piece;
        }

        private FormatException bad(String found, String wanted) {
            return new FormatException(file, place, found, wanted, REMEDY);
        }
    }
}
