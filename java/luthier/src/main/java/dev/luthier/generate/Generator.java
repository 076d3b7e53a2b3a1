package dev.luthier.generate;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Tensor;
import dev.luthier.model.KvCache;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.model.Transformer;
import dev.luthier.ops.Ops;
import dev.luthier.ops.SampleParams;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;

/** Continues a sequence of tokens, with a key/value cache. Each call owns its cache; the model may be shared by calls one after the other. */
public final class Generator {
    /** Tokens of a prompt that go through the model at once. */
    private static final int PREFILL = 512;

    private final Ops ops;
    private final Transformer model;

    public Generator(Ops ops, Transformer model) {
        this.ops = ops;
        this.model = model;
    }

    /** Why a generation ended. */
    public enum Finish { STOP, LENGTH }

    /**
     * @param tokens         new ones, without the stop token
     * @param finish         STOP: a stop token came or the listener ended it
     * @param prefillSeconds time to the first token
     * @param decodeSeconds  time of the rest
     */
    public record Result(int[] tokens, Finish finish, double prefillSeconds, double decodeSeconds) {
    }

    /**
     * @param stop     ids that end the text
     * @param listener called with each new token; returns false to end
     */
    public Result generate(int[] prompt, int maxNew, Sampling sampling, Set<Integer> stop, IntPredicate listener) {
        if (prompt.length == 0) throw new IllegalArgumentException("the prompt has no token; give a text, or a model whose tokenizer adds a first token");
        if (maxNew < 1) throw new IllegalArgumentException("the number of new tokens must be at least 1, found " + maxNew);
        ModelConfig c = model.config();
        DType act = ops.engine().config().precision().activation();
        LoraConfig lora = model.adapter() == null ? null : model.adapter().lora();
        int length = prompt.length + maxNew;
        int piece = Math.min(PREFILL, prompt.length);
        DeviceArena cacheCount = DeviceArena.counting();
        int pages = new KvCache(cacheCount, c, act, 1, length).pagesPerSequence();
        DeviceArena stepCount = DeviceArena.counting();
        Transformer.countDecoding(stepCount, c, lora, act, piece, 1, pages);
        stepCount.tensor(Kind.ACTIVATIONS, DType.I32, 1, 1);
        stepCount.tensor(Kind.ACTIVATIONS, DType.I32, 1, length);
        ops.engine().requireWorkspace(c.limits(piece, 1, lora == null ? 0 : lora.rank()));
        try (DeviceArena cacheArena = DeviceArena.of(ops.engine(), cacheCount.peak()); DeviceArena arena = DeviceArena.of(ops.engine(), stepCount.peak())) {
            return run(new KvCache(cacheArena, c, act, 1, length), arena, prompt, maxNew, piece, sampling, stop, listener);
        }
    }

    private Result run(KvCache cache, DeviceArena arena, int[] prompt, int maxNew, int piece, Sampling sampling, Set<Integer> stop, IntPredicate listener) {
        long start = System.nanoTime();
        int[] text = Arrays.copyOf(prompt, prompt.length + maxNew);
        int length = prompt.length;
        long mark = arena.mark();
        Tensor logits = null;
        for (int at = 0; at < prompt.length; at += piece) {
            arena.reset(mark);
            int[] part = Arrays.copyOfRange(prompt, at, Math.min(at + piece, prompt.length));
            logits = model.decode(ops, arena, cache, new int[] {0}, List.of(part));
        }
        int next = sample(arena, logits, text, length, sampling);
        long first = System.nanoTime();
        Finish finish = Finish.LENGTH;
        while (true) {
            if (stop.contains(next)) {
                finish = Finish.STOP;
                break;
            }
            text[length++] = next;
            if (!listener.test(next)) {
                finish = Finish.STOP;
                break;
            }
            if (length == text.length) break;
            arena.reset(mark);
            next = sample(arena, model.decode(ops, arena, cache, new int[] {0}, List.of(new int[] {next})), text, length, sampling);
        }
        return new Result(Arrays.copyOfRange(text, prompt.length, length), finish, (first - start) / 1e9, (System.nanoTime() - first) / 1e9);
    }

    private int sample(DeviceArena arena, Tensor logits, int[] text, int length, Sampling s) {
        Tensor id = arena.tensor(Kind.ACTIVATIONS, DType.I32, 1, 1);
        Tensor history = null;
        if (s.repeatPenalty() != 1) {
            history = arena.tensor(Kind.ACTIVATIONS, DType.I32, 1, length);
            ops.engine().upload(history, Arrays.copyOf(text, length));
        }
        ops.sample(id, logits, history, new SampleParams(s.seed(), length, s.temperature(), s.topP(), s.minP(), s.repeatPenalty(), s.topK()));
        return ops.engine().ints(id)[0];
    }
}
