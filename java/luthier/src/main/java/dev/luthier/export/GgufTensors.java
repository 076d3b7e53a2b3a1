package dev.luthier.export;

import dev.luthier.model.HeadPermutation;
import dev.luthier.model.GgufNames;
import dev.luthier.io.DType;
import dev.luthier.io.FormatException;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSource;
import dev.luthier.model.ModelConfig;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/** Which tensors a model's GGUF file has, what they are made of, and in which order they stand. */
final class GgufTensors {
    /** Buffers that old checkpoints carry and that follow from the configuration. */
    private static final List<String> IMPLIED = List.of(".rotary_emb.inv_freq", ".attention.masked_bias", ".attention.bias");

    /**
     * A tensor to be written.
     *
     * @param info        GGUF name and shape; the type is F32 until a mix decides
     * @param source      name in the checkpoint; null for a constant
     * @param constant    values that no checkpoint has; null otherwise
     * @param permutation of the rows, or null
     * @param shift       added to every element: Gemma's norms are stored as 1 + w in GGUF
     */
    record Entry(TensorInfo info, String source, float[] constant, HeadPermutation permutation, float shift) {
    }

    private final List<Entry> entries = new ArrayList<>();

    GgufTensors(ModelConfig model, TensorSource checkpoint, SequencedMap<String, float[]> constants) {
        constants.forEach((name, values) -> entries.add(new Entry(TensorInfo.of(name, DType.F32, values.length), null, values, null, 0)));
        for (TensorInfo t : checkpoint.tensors()) {
            if (IMPLIED.stream().anyMatch(t.name()::endsWith) || t.name().equals("lm_head.weight") && model.tied()) continue;
            Optional<String> name = GgufNames.gguf(model.family(), t.name());
            if (name.isEmpty())
                throw new FormatException(checkpoint.path(), "tensor " + FormatException.quote(t.name()), "a tensor that " + model.family().modelType() + " models do not have",
                        "", "use the config.json and weights of one model");
            boolean norm = model.family().gemma() && t.name().endsWith("norm.weight");
            entries.add(new Entry(new TensorInfo(name.get(), DType.F32, t.shape()), t.name(), null,
                    HeadPermutation.of(model, name.get()).orElse(null), norm ? 1 : 0));
        }
    }

    /** In the order of the checkpoint: how the converter writes them, and how they are best read. */
    List<Entry> entries() {
        return entries;
    }

    long parameters() {
        return entries.stream().mapToLong(e -> e.info.elements()).sum();
    }

    /** The tensors of a file of this type, in its order. */
    List<TensorInfo> infos(TypeMix mix, ExportType type) {
        List<TensorInfo> infos = entries.stream().map(e -> e.info.as(mix.of(e.info))).toList();
        if (!type.mixed()) return infos;
        return infos.stream().sorted(Comparator.<TensorInfo>comparingInt(t -> GgufNames.block(t.name())).thenComparing(TensorInfo::name)).toList();
    }
}
