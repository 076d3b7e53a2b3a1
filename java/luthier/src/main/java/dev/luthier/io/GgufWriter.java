package dev.luthier.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;

/**
 * Writes GGUF version 3: metadata and tensor infos first, in the order given, then the data, each
 * tensor padded to the alignment. The alignment is {@code general.alignment} of the metadata, else 32.
 */
public final class GgufWriter extends TensorFileWriter {

    private GgufWriter(Path target, Layout layout, Progress progress) throws IOException {
        super(target, layout, progress);
    }

    /**
     * Starts a file.
     *
     * @throws IllegalArgumentException where the format cannot hold the metadata or a tensor
     */
    public static GgufWriter create(Path target, SequencedMap<String, GgufValue> metadata, List<TensorInfo> tensors,
            Progress progress) throws IOException {
        return new GgufWriter(target, layout(metadata, tensors), progress);
    }

    private static Layout layout(SequencedMap<String, GgufValue> metadata, List<TensorInfo> tensors) {
        requireDistinct(tensors);
        long alignment = alignment(metadata.get(GgufHeader.ALIGNMENT_KEY));
        Head head = new Head();
        head.int32(GgufHeader.MAGIC);
        head.int32(GgufHeader.VERSION);
        head.int64(tensors.size());
        head.int64(metadata.size());
        metadata.forEach((key, value) -> {
            int length = key.getBytes(StandardCharsets.UTF_8).length;
            require(length > 0 && length <= GgufHeader.MAX_KEY_BYTES, "metadata key of " + length + " bytes");
            head.text(key);
            head.int32(value.type().ordinal());
            head.value(value);
        });
        long[] offsets = new long[tensors.size()];
        long next = 0;
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = next;
            head.tensor(tensors.get(i), next);
            next = GgufHeader.padded(Math.addExact(next, tensors.get(i).bytes()), alignment);
        }
        head.padTo(alignment);
        byte[] bytes = head.bytes();
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] += bytes.length;
        }
        return new Layout(bytes, List.copyOf(tensors), offsets, bytes.length + next);
    }

    private static long alignment(GgufValue value) {
        if (value == null) {
            return GgufHeader.DEFAULT_ALIGNMENT;
        }
        require(value.type() == GgufType.UINT32 && Long.bitCount((Long) value.value()) == 1,
                GgufHeader.ALIGNMENT_KEY + " " + value.value() + " is no power of two in UINT32");
        return (Long) value.value();
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException("GGUF cannot hold this: " + otherwise);
        }
    }

    /** Everything before the data. */
    private static final class Head {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        void int32(int x) {
            out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(x).array());
        }

        void int64(long x) {
            out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(x).array());
        }

        /** A string, or the bytes of one that is not UTF-8. */
        void text(Object text) {
            byte[] utf8 = text instanceof byte[] raw ? raw : ((String) text).getBytes(StandardCharsets.UTF_8);
            int64(utf8.length);
            out.writeBytes(utf8);
        }

        void value(GgufValue v) {
            switch (v.type()) {
                case STRING -> text(v.value());
                case ARRAY -> array(v.element(), (List<?>) v.value());
                default -> scalar(v.type(), v.value());
            }
        }

        private void array(GgufType element, List<?> values) {
            int32(element.ordinal());
            int64(values.size());
            if (values instanceof GgufValue.Packed packed) {
                out.writeBytes(packed.bytes());
                return;
            }
            for (Object v : values) {
                switch (element) {
                    case STRING -> text(v);
                    case ARRAY -> value((GgufValue) v);
                    default -> scalar(element, v);
                }
            }
        }

        private void scalar(GgufType type, Object value) {
            long bits = switch (value) {
                case Float f -> Float.floatToRawIntBits(f);
                case Double d -> Double.doubleToRawLongBits(d);
                case Boolean b -> b ? 1 : 0;
                case BigInteger big -> big.longValue();
                default -> (Long) value;
            };
            out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(bits).array(), 0, type.bytes());
        }

        void tensor(TensorInfo info, long offset) {
            int length = info.name().getBytes(StandardCharsets.UTF_8).length;
            require(length > 0 && length < GgufHeader.MAX_NAME_BYTES, "tensor name " + info.name() + " of " + length + " bytes");
            require(info.rank() <= GgufHeader.MAX_RANK, "tensor " + info.name() + " of " + info.rank() + " dimensions");
            require(info.dtype().inGguf(), "tensor " + info.name() + " of type " + info.dtype());
            require(info.rank() == 0 || info.dim(-1) % info.dtype().blockElements() == 0,
                    "tensor " + info.name() + " with rows of " + (info.rank() == 0 ? 1 : info.dim(-1)) + " in " + info.dtype());
            text(info.name());
            int32(info.rank());
            new ArrayList<>(info.shape()).reversed().forEach(this::int64);
            int32(info.dtype().ggml());
            int64(offset);
        }

        void padTo(long alignment) {
            out.writeBytes(new byte[Math.toIntExact(GgufHeader.padded(out.size(), alignment) - out.size())]);
        }

        byte[] bytes() {
            return out.toByteArray();
        }
    }
}
