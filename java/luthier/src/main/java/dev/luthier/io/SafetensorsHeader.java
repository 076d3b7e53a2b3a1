package dev.luthier.io;

import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * The header of a safetensors file, read and checked against every rule of the format: a 64-bit
 * little-endian length of at most 100,000,000, then a UTF-8 JSON object with an entry per tensor and
 * an optional {@code __metadata__} of strings, then the data, which the tensors cover exactly once.
 *
 * <p>Source: github.com/huggingface/safetensors, README and {@code tensor.rs}.
 */
record SafetensorsHeader(Map<String, String> metadata, List<Entry> entries) {
    static final String METADATA = "__metadata__";
    static final long MAX_LENGTH = 100_000_000;
    private static final int MAX_RANK = 64;
    /** A bound of this reader, far above any real file, that keeps a hostile one from filling the heap. */
    private static final int MAX_ENTRIES = 1 << 20;
    private static final String REMEDY = "the file is damaged or incomplete: fetch it again";
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** A tensor and the place of its first byte in the file. */
    record Entry(TensorInfo info, long offset) {
    }

    private record Declared(String name, DType dtype, List<Long> shape, long begin, long end) {
    }

    static SafetensorsHeader parse(Path file, MemorySegment bytes) {
        long size = bytes.byteSize();
        if (size < Long.BYTES) {
            throw bad(file, "header length", "a file of " + size + " bytes", "at least 8");
        }
        long length = bytes.get(LONG, 0);
        if (Long.compareUnsigned(length, MAX_LENGTH) > 0) {
            throw bad(file, "header length", Long.toUnsignedString(length), "at most " + MAX_LENGTH);
        }
        if (length > size - Long.BYTES) {
            throw bad(file, "header length", length + " in a file of " + size + " bytes",
                    "at most " + (size - Long.BYTES));
        }
        if (length == 0 || bytes.get(ValueLayout.JAVA_BYTE, Long.BYTES) != '{') {
            throw bad(file, "header", "no '{' at its start", "a JSON object");
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Declared> declared = new ArrayList<>();
        MemorySegment json = bytes.asSlice(Long.BYTES, length);
        try (JsonParser p = Json.mapper().createParser(Json.utf8(streamOf(json.asByteBuffer())))) {
            new Reader(file, p).read(metadata, declared);
        } catch (JacksonException e) {
            throw Json.invalid(e, file, "header");
        }
        return new SafetensorsHeader(metadata, place(file, declared, Long.BYTES + length, size));
    }

    /** Orders tensors by their offsets and checks that they tile the data section. */
    private static List<Entry> place(Path file, List<Declared> declared, long dataStart, long size) {
        declared.sort(Comparator.comparingLong(Declared::begin).thenComparingLong(Declared::end));
        List<Entry> entries = new ArrayList<>(declared.size());
        long at = 0;
        for (Declared d : declared) {
            if (d.begin != at) {
                throw bad(file, tensor(d.name) + ", data_offsets", "a begin of " + d.begin
                        + (d.begin < at ? ", inside the tensor before it" : ", after a hole"), "" + at);
            }
            if (d.end > size - dataStart) {
                throw bad(file, tensor(d.name) + ", data_offsets", "an end of " + d.end,
                        "at most the " + (size - dataStart) + " bytes of data in the file");
            }
            entries.add(new Entry(new TensorInfo(d.name, d.dtype, d.shape), dataStart + d.begin));
            at = d.end;
        }
        if (at != size - dataStart) {
            throw bad(file, "end of the data", (size - dataStart) + " bytes of data", "the " + at
                    + " that its tensors cover");
        }
        return entries;
    }

    /** Reads the JSON; one instance a file. */
    private record Reader(Path file, JsonParser p) {

        void read(Map<String, String> metadata, List<Declared> declared) {
            p.nextToken();
            while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = p.currentName();
                String place = name.equals(METADATA) ? METADATA : tensor(name);
                expect(p.nextToken(), JsonToken.START_OBJECT, place, "an object");
                if (name.equals(METADATA)) {
                    strings(metadata);
                } else {
                    requireRoom(declared.size(), "tensors");
                    declared.add(entry(name));
                }
            }
            if (p.nextToken() != null) {
                throw bad(file, "header", "more after the JSON object", "nothing but spaces");
            }
        }

        private void strings(Map<String, String> metadata) {
            while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = p.currentName();
                requireRoom(metadata.size(), "strings in " + METADATA);
                expect(p.nextToken(), JsonToken.VALUE_STRING, METADATA + " " + FormatException.quote(key), "a string");
                metadata.put(key, p.getString());
            }
        }

        private Declared entry(String name) {
            DType dtype = null;
            List<Long> shape = null;
            List<Long> offsets = null;
            while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                String field = p.currentName();
                p.nextToken();
                switch (field) {
                    case "dtype" -> dtype = dtype(name);
                    case "shape" -> shape = naturals(tensor(name) + ", shape", MAX_RANK);
                    case "data_offsets" -> offsets = naturals(tensor(name) + ", data_offsets", 2);
                    default -> throw bad(file, tensor(name), "a field " + FormatException.quote(field),
                            "dtype, shape and data_offsets alone");
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                throw bad(file, tensor(name), "no " + (dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets"),
                        "dtype, shape and data_offsets");
            }
            return checked(name, dtype, shape, offsets);
        }

        private Declared checked(String name, DType dtype, List<Long> shape, List<Long> offsets) {
            if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
                throw bad(file, tensor(name) + ", data_offsets", offsets.toString(), "[begin, end] with begin <= end");
            }
            long begin = offsets.get(0);
            long end = offsets.get(1);
            try {
                long wanted = dtype.bytes(TensorInfo.product(shape));
                if (wanted != end - begin) {
                    throw bad(file, tensor(name) + ", data_offsets", (end - begin) + " bytes",
                            wanted + " for " + dtype + " " + shape);
                }
            } catch (ArithmeticException e) {
                throw bad(file, tensor(name) + ", shape", shape + " of " + dtype, "a whole number of bytes below 2^63");
            }
            return new Declared(name, dtype, shape, begin, end);
        }

        private DType dtype(String name) {
            String place = tensor(name) + ", dtype";
            expect(p.currentToken(), JsonToken.VALUE_STRING, place, "a string");
            String text = p.getString();
            return DType.ofSafetensors(text).orElseThrow(() -> new FormatException(file, place,
                    FormatException.quote(text), "a type of the safetensors format such as F32, F16 or BF16",
                    "convert the checkpoint to one of these"));
        }

        private List<Long> naturals(String place, int limit) {
            expect(p.currentToken(), JsonToken.START_ARRAY, place, "an array");
            List<Long> values = new ArrayList<>(4);
            while (p.nextToken() != JsonToken.END_ARRAY) {
                expect(p.currentToken(), JsonToken.VALUE_NUMBER_INT, place, "whole numbers");
                if (p.getNumberType() == JsonParser.NumberType.BIG_INTEGER || p.getLongValue() < 0) {
                    throw bad(file, place, FormatException.quote(p.getString()), "a number from 0 to 2^63-1");
                }
                if (values.size() == limit) {
                    throw bad(file, place, "more than " + limit + " numbers", "at most " + limit);
                }
                values.add(p.getLongValue());
            }
            return values;
        }

        private void requireRoom(int held, String what) {
            if (held == MAX_ENTRIES) {
                throw bad(file, "header", "more than " + MAX_ENTRIES + " " + what, "fewer");
            }
        }

        private void expect(JsonToken found, JsonToken wanted, String place, String description) {
            if (found != wanted) {
                throw bad(file, place, found == null ? "the end" : found.toString(), description);
            }
        }
    }

    private static String tensor(String name) {
        return "tensor " + FormatException.quote(name);
    }

    private static FormatException bad(Path file, String place, String found, String wanted) {
        return new FormatException(file, place, found, wanted, REMEDY);
    }

    private static InputStream streamOf(ByteBuffer bytes) {
        return new InputStream() {
            @Override
            public int read() {
                return bytes.hasRemaining() ? bytes.get() & 0xFF : -1;
            }

            @Override
            public int read(byte[] b, int off, int len) {
                if (!bytes.hasRemaining()) {
                    return len == 0 ? 0 : -1;
                }
                int n = Math.min(len, bytes.remaining());
                bytes.get(b, off, n);
                return n;
            }
        };
    }
}
