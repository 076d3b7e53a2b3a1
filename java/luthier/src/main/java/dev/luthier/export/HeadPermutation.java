package dev.luthier.export;

import dev.luthier.model.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The order of the rows of q and k that GGUF's architecture "llama" has: RoPE rotates neighbours (2i, 2i+1) there and (i, i + headDim/2) in Hugging
 * Face checkpoints. Source: LlamaModel.permute in llama.cpp's converter.
 *
 * @param headDim rows of a head
 */
public record HeadPermutation(int headDim) {

    /** For a tensor that is stored so in this model's GGUF file. */
    public static Optional<HeadPermutation> of(ModelConfig model, String gguf) {
        String name = GgufNames.withoutBlock(gguf);
        boolean rotated = name.startsWith("attn_q.") || name.startsWith("attn_k.");
        return rotated && model.family().ggufArchitecture().equals("llama") ? Optional.of(new HeadPermutation(model.headDim())) : Optional.empty();
    }

    /** Which row of the checkpoint stands at this row of the GGUF file. */
    public long source(long row) {
        long in = row % headDim;
        return row - in + in % 2 * (headDim / 2) + in / 2;
    }

    /** Which row of the GGUF file stands at this row of the checkpoint: the inverse of {@link #source}. */
    public long target(long row) {
        long in = row % headDim;
        return row - in + in % (headDim / 2) * 2 + in / (headDim / 2);
    }

    /** Puts whole heads of checkpoint rows into GGUF order; {@code to} and {@code from} do not overlap. */
    void apply(MemorySegment to, MemorySegment from, long rows, long rowBytes) {
        for (long r = 0; r < rows; r++) MemorySegment.copy(from, source(r) * rowBytes, to, r * rowBytes, rowBytes);
    }
}
