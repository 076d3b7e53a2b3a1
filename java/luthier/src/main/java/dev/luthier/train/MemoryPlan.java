package dev.luthier.train;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.model.Adapter;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.model.Transformer;
import java.util.EnumMap;
import java.util.Map;

/** What a run takes of device memory, counted by the very code that allocates. Workspace and weights are added by the caller, who knows them. */
public record MemoryPlan(Map<Kind, Long> bytes, long optimizerBytes, long activationBytes) {

    public static MemoryPlan ofTraining(ModelConfig c, LoraConfig lora, DType act, TrainOptions o, long tokens, long sequences) {
        DeviceArena adapter = DeviceArena.counting();
        long params = Adapter.allocate(adapter, c, lora, true).params().size();
        DeviceArena optimizer = DeviceArena.counting();
        AdamW.States.allocate(optimizer, params, o.optimizer8bit());
        DeviceArena activations = DeviceArena.counting();
        Transformer.countTraining(activations, c, lora, act, tokens, sequences, o.recompute());
        Map<Kind, Long> bytes = new EnumMap<>(Kind.class);
        for (DeviceArena a : new DeviceArena[] {adapter, optimizer, activations}) a.plan().forEach((kind, n) -> bytes.merge(kind, n, Long::sum));
        return new MemoryPlan(bytes, optimizer.peak(), activations.peak());
    }

    /** The plan with more of a kind. */
    public MemoryPlan plus(Kind kind, long n) {
        Map<Kind, Long> more = new EnumMap<>(bytes);
        more.merge(kind, n, Long::sum);
        return new MemoryPlan(more, optimizerBytes, activationBytes);
    }

    public long total() {
        return bytes.values().stream().mapToLong(Long::longValue).sum();
    }
}
