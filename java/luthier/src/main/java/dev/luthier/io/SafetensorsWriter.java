package dev.luthier.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes one safetensors file. The bytes depend on the tensors and metadata alone and are those the
 * reference implementation writes: tensors sorted by falling alignment of their types, then by name,
 * and the header padded with spaces to a multiple of 8.
 */
public final class SafetensorsWriter extends TensorFileWriter {
    private static final int ALIGNMENT = 8;

    private SafetensorsWriter(Path target, Layout layout, Progress progress) throws IOException {
        super(target, layout, progress);
    }

    /**
     * Starts a file.
     *
     * @param metadata strings for {@code __metadata__}, in the order they will have; may be empty.
     *                 Transformers wants {@code format: pt} there.
     * @throws IllegalArgumentException where the format cannot hold a tensor
     */
    public static SafetensorsWriter create(Path target, Map<String, String> metadata, List<TensorInfo> tensors,
            Progress progress) throws IOException {
        return new SafetensorsWriter(target, layout(metadata, tensors), progress);
    }

    private static Layout layout(Map<String, String> metadata, List<TensorInfo> declared) {
        requireDistinct(declared);
        List<TensorInfo> tensors = declared.stream().sorted(Comparator.comparing(TensorInfo::dtype).reversed()
                .thenComparing(TensorInfo::name, SafetensorsWriter::compareUtf8)).toList();
        ObjectNode header = Json.mapper().createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode strings = header.putObject(SafetensorsHeader.METADATA);
            metadata.forEach(strings::put);
        }
        long[] offsets = new long[tensors.size()];
        long next = 0;
        for (int i = 0; i < offsets.length; i++) {
            TensorInfo t = tensors.get(i);
            if (!t.dtype().inSafetensors() || t.name().equals(SafetensorsHeader.METADATA)) {
                throw new IllegalArgumentException("safetensors cannot hold tensor " + t.name() + " of type " + t.dtype());
            }
            offsets[i] = next;
            next = Math.addExact(next, t.bytes());
            ObjectNode entry = header.putObject(t.name());
            entry.put("dtype", t.dtype().name());
            ArrayNode shape = entry.putArray("shape");
            t.shape().forEach(shape::add);
            entry.putArray("data_offsets").add(offsets[i]).add(next);
        }
        byte[] head = head(Json.text(header).getBytes(StandardCharsets.UTF_8));
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] += head.length;
        }
        return new Layout(head, tensors, offsets, Math.addExact(next, head.length));
    }

    private static byte[] head(byte[] json) {
        int length = (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (length > SafetensorsHeader.MAX_LENGTH) {
            throw new IllegalArgumentException("a safetensors header of " + length + " bytes, at most "
                    + SafetensorsHeader.MAX_LENGTH + " are allowed");
        }
        ByteBuffer head = ByteBuffer.allocate(Long.BYTES + length).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put(json);
        while (head.hasRemaining()) {
            head.put((byte) ' ');
        }
        return head.array();
    }

    /** Order of the UTF-8 bytes, which is that of the code points. */
    private static int compareUtf8(String a, String b) {
        return Arrays.compareUnsigned(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
    }
}
