package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory of one training pass over T tokens.
 *
 * @param ids       [T, 1] I32
 * @param pos       [T, 1] I32
 * @param targets   [T, 1] I32
 * @param cuSeqlens [n + 1, 1] I32
 * @param x         layers + 1 times [T, H] act: x[i] enters block i, the last one enters the final norm
 * @param blocks    one per block, or a single one that is recomputed
 * @param n         [T, H] act, final norm's output
 * @param r         [T, 1] F32, its 1/rms
 * @param nll       [T, 1] F32
 * @param d         [T, H] act, gradient of the residual stream; null in evaluation
 * @param dn        [T, H] act, gradient of n; null in evaluation
 * @param scratch   null in evaluation
 */
record Activations(Tensor ids, Tensor pos, Tensor targets, Tensor cuSeqlens, List<Tensor> x, List<BlockActs> blocks, Tensor n, Tensor r, Tensor nll,
                   Tensor d, Tensor dn, Scratch scratch) {
    static Activations forTraining(DeviceArena arena, ModelConfig c, LoraConfig lora, DType act, long t, long sequences, boolean recompute) {
        return allocate(arena, c, lora, act, t, sequences, c.layers() + 1, recompute ? 1 : c.layers(), true);
    }

    /** Forward only: the residual stream is updated in place. */
    static Activations forEvaluation(DeviceArena arena, ModelConfig c, LoraConfig lora, DType act, long t, long sequences) {
        return allocate(arena, c, lora, act, t, sequences, 1, 1, false);
    }

    private static Activations allocate(DeviceArena arena, ModelConfig c, LoraConfig lora, DType act, long t, long sequences, int inputs, int blocks,
                                        boolean training) {
        BlockActs.Room room = new BlockActs.Room(arena, act, t);
        List<Tensor> x = new ArrayList<>();
        for (int i = 0; i < inputs; i++) x.add(room.act(c.hidden()));
        List<BlockActs> acts = new ArrayList<>();
        for (int i = 0; i < blocks; i++) acts.add(BlockActs.allocate(arena, c, lora, act, t));
        return new Activations(ints(arena, t), ints(arena, t), ints(arena, t), ints(arena, sequences + 1), x, acts, room.act(c.hidden()), room.rows(1),
                room.rows(1), training ? room.act(c.hidden()) : null, training ? room.act(c.hidden()) : null,
                training ? Scratch.allocate(arena, c, act, t) : null);
    }

    private static Tensor ints(DeviceArena arena, long n) {
        return arena.tensor(Kind.ACTIVATIONS, DType.I32, n, 1);
    }

    BlockActs block(int layer) {
        return blocks.get(blocks.size() == 1 ? 0 : layer);
    }

    Tensor input(int layer) {
        return x.get(x.size() == 1 ? 0 : layer);
    }
}
