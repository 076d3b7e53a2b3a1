package dev.luthier.export;

import dev.luthier.model.ModelConfig;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import tools.jackson.databind.JsonNode;

/**
 * RoPE scalings that GGUF keeps as tensors: what each frequency is divided by. In float arithmetic step by step, so that the bytes are those of
 * llama.cpp's converter ({@code generate_extra_tensors}).
 */
final class RopeTensors {
    private RopeTensors() {
    }

    /** F32 vectors by name; they stand first in the file. */
    static SequencedMap<String, float[]> of(ModelConfig model, JsonNode config) {
        SequencedMap<String, float[]> tensors = new LinkedHashMap<>();
        JsonNode rope = ModelMetadata.fullRope(config);
        if (ModelMetadata.ropeType(rope).equals("llama3") && model.family().ggufArchitecture().equals("llama"))
            tensors.put("rope_freqs.weight", llama3(model, config, rope));
        if (rope.path("long_factor").isArray()) {
            tensors.put("rope_factors_long.weight", floats(rope.path("long_factor")));
            tensors.put("rope_factors_short.weight", floats(rope.path("short_factor")));
        }
        return tensors;
    }

    private static float[] floats(JsonNode list) {
        float[] values = new float[list.size()];
        for (int i = 0; i < values.length; i++) values[i] = (float) list.get(i).asDouble();
        return values;
    }

    /** Llama 3.1: long wavelengths are divided by the factor, short ones kept, those between blended. */
    private static float[] llama3(ModelConfig model, JsonNode config, JsonNode rope) {
        double theta = ModelMetadata.theta(config, rope, 10_000);
        float factor = (float) rope.path("factor").asDouble(8);
        double low = rope.path("low_freq_factor").asDouble(1);
        double high = rope.path("high_freq_factor").asDouble(4);
        double original = rope.path("original_max_position_embeddings").asDouble(8192);
        float[] values = new float[model.headDim() / 2];
        for (int i = 0; i < values.length; i++) {
            float frequency = 1f / (float) Math.pow((float) theta, (float) (2 * i) / model.headDim());
            float wavelength = (float) (2 * Math.PI) / frequency;
            if (wavelength < original / high) {
                values[i] = 1;
            } else if (wavelength > original / low) {
                values[i] = factor;
            } else {
                float smooth = ((float) original / wavelength - (float) low) / (float) (high - low);
                values[i] = 1f / ((1f - smooth) / factor + smooth);
            }
        }
        return values;
    }
}
