package dev.luthier.model;

import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Engine;
import dev.luthier.ops.Philox;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The LoRA matrices of a model. */
public record Adapter(LoraConfig lora, ParamSet params) {
    private static final String PREFIX = "base_model.model.";

    /** Room for an adapter; values undefined until {@link #initialize} or a load. */
    public static Adapter allocate(DeviceArena arena, ModelConfig c, LoraConfig lora, boolean trainable) {
        return new Adapter(lora, ParamSet.allocate(arena, shapes(c, lora), trainable));
    }

    /** Name and shape of every matrix, in order of blocks. */
    public static List<ParamSet.Shape> shapes(ModelConfig c, LoraConfig lora) {
        List<String> known = Projection.of(c).stream().map(Projection::shortName).toList();
        for (String target : lora.targets())
            if (!known.contains(target))
                throw new IllegalArgumentException("target module \"" + target + "\" is none of this model's " + known);
        List<ParamSet.Shape> shapes = new ArrayList<>();
        for (int i = 0; i < c.layers(); i++) {
            for (Projection p : Projection.of(c)) {
                if (!lora.targets().contains(p.shortName())) continue;
                shapes.add(new ParamSet.Shape(nameA(p, i), lora.rank(), p.in(c)));
                shapes.add(new ParamSet.Shape(nameB(p, i), p.out(c), lora.rank()));
            }
        }
        return shapes;
    }

    static String nameA(Projection p, int layer) {
        return PREFIX + p.module(layer) + ".lora_A.weight";
    }

    static String nameB(Projection p, int layer) {
        return PREFIX + p.module(layer) + ".lora_B.weight";
    }

    /** A uniform in +-1/sqrt(in) (PEFT's Kaiming start), B zero: the tuned model starts equal to the base. */
    public void initialize(Engine engine, long seed) {
        engine.zero(params.values());
        for (Param p : params.all()) {
            if (!p.name().endsWith("lora_A.weight")) continue;
            float[] values = new float[Math.toIntExact(p.value().elements())];
            Philox.fillUniform(values, (float) (1 / Math.sqrt(p.value().cols())), seed, p.name());
            engine.upload(p.value(), values);
        }
    }

    /** "all-linear" or a list of short names as the list for this model; the separate names stand for the fused ones where those are fused. */
    public static List<String> resolveTargets(ModelConfig c, List<String> wanted) {
        List<String> own = Projection.of(c).stream().map(Projection::shortName).toList();
        if (wanted.equals(List.of("all-linear"))) return own;
        return wanted.stream().map(t -> own.contains(t) ? t : c.family().fused() ? fusedName(t) : t).distinct().collect(Collectors.toList());
    }

    private static String fusedName(String t) {
        return switch (t) {
            case "q_proj", "k_proj", "v_proj" -> Projection.QKV.shortName();
            case "gate_proj", "up_proj" -> Projection.GATE_UP.shortName();
            default -> t;
        };
    }
}
