package dev.luthier.train;

import dev.luthier.data.Example;
import dev.luthier.data.batch.Batch;
import dev.luthier.data.rows.Examples;
import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.model.Transformer;
import dev.luthier.ops.Ops;
import java.util.ArrayList;
import java.util.List;

/** Loss on rows that are not trained on, in memory that does not grow with them. */
public final class Evaluation {
    private Evaluation() {
    }

    /**
     * @param loss   mean negative log-likelihood over the target tokens
     * @param tokens target tokens
     */
    public record Result(double loss, long tokens) {
    }

    /** @param batch rows that go through the model at once */
    public static Result of(Ops ops, Transformer model, Examples examples, int batch) {
        ModelConfig c = model.config();
        LoraConfig lora = model.adapter() == null ? null : model.adapter().lora();
        int longest = 0;
        for (int i = 0; i < examples.size(); i++) longest = Math.max(longest, examples.length(i));
        long tokens = (long) longest * batch;
        ops.engine().requireWorkspace(c.limits(tokens, batch, lora == null ? 0 : lora.rank()));
        DeviceArena count = DeviceArena.counting();
        Transformer.countDecoding(count, c, lora, ops.engine().config().precision().activation(), tokens, batch, 1);
        count.tensor(Kind.ACTIVATIONS, DType.I32, tokens, 1);
        double sum = 0;
        long targets = 0;
        try (DeviceArena arena = DeviceArena.of(ops.engine(), count.peak())) {
            for (int i = 0; i < examples.size(); i += batch) {
                List<Example> rows = new ArrayList<>();
                for (int r = i; r < Math.min(i + batch, examples.size()); r++) rows.add(examples.get(r));
                MicroBatch b = MicroBatch.of(Batch.of(rows));
                for (float x : model.score(ops, arena, b.packed(), b.targets()).nll()) sum += x;
                targets += b.targetTokens();
            }
        }
        return new Result(targets == 0 ? 0 : sum / targets, targets);
    }
}
