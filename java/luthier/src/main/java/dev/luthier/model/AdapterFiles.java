package dev.luthier.model;

import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Engine;
import dev.luthier.io.DType;
import dev.luthier.io.FormatException;
import dev.luthier.io.Json;
import dev.luthier.io.SafetensorsWriter;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Adapters as PEFT 0.21 stores them: {@code adapter_config.json} and {@code adapter_model.safetensors} (lora_A [r, in], lora_B [out, r]). PEFT loads a
 * config with missing fields silently wrong, so all are written.
 */
public final class AdapterFiles {
    public static final String WEIGHTS = "adapter_model.safetensors";
    public static final String CONFIG = "adapter_config.json";
    private static final String REMEDY = "use an adapter that PEFT or this program wrote for this base model";

    private AdapterFiles() {
    }

    /** Reads adapter_config.json, refusing what this program would apply wrongly. */
    public static LoraConfig readConfig(Path folder, ModelConfig model) throws IOException {
        Path file = folder.resolve(CONFIG);
        if (!Files.exists(file)) throw new FormatException(file, "", "no such file", "the folder of a PEFT adapter", REMEDY);
        ObjectNode json = Json.readObject(file);
        if (!json.path("peft_type").asString("").equals("LORA")) throw error(file, "peft_type", json.path("peft_type"), "\"LORA\"");
        for (String unsupported : List.of("use_dora", "use_qalora", "lora_bias", "fan_in_fan_out"))
            if (json.path(unsupported).asBoolean(false)) throw error(file, unsupported, "true", "false");
        for (String pattern : List.of("rank_pattern", "alpha_pattern", "layers_to_transform", "modules_to_save"))
            if (!json.path(pattern).isEmpty()) throw error(file, pattern, json.path(pattern), "nothing");
        if (!json.path("r").isIntegralNumber() || !json.path("r").canConvertToInt() || json.path("r").asInt() < 1 || json.path("r").asInt() > 1024)
            throw error(file, "r", json.path("r"), "a rank of 1 to 1024");
        if (!json.path("lora_alpha").isNumber() || !(json.path("lora_alpha").asDouble() > 0))
            throw error(file, "lora_alpha", json.path("lora_alpha"), "a positive number");
        return new LoraConfig(json.path("r").asInt(), (float) json.path("lora_alpha").asDouble(), json.path("use_rslora").asBoolean(false),
                targets(file, json.path("target_modules"), model));
    }

    private static List<String> targets(Path file, JsonNode node, ModelConfig model) {
        List<String> names = new ArrayList<>();
        if (node.isString()) names.add(node.asString());
        else node.forEach(n -> names.add(n.asString("")));
        List<String> known = Projection.of(model).stream().map(Projection::shortName).toList();
        if (names.equals(List.of("all-linear"))) return known;
        if (names.isEmpty() || !known.containsAll(names)) throw error(file, "target_modules", node, "some of " + known);
        return known.stream().filter(names::contains).toList();
    }

    /** Reads an adapter into new memory of the arena. */
    public static Adapter read(Engine engine, DeviceArena arena, Path folder, ModelConfig model, boolean trainable) throws IOException {
        LoraConfig lora = readConfig(folder, model);
        Adapter adapter = Adapter.allocate(arena, model, lora, trainable);
        load(engine, adapter, folder);
        return adapter;
    }

    private static void load(Engine engine, Adapter adapter, Path folder) throws IOException {
        Path file = folder.resolve(WEIGHTS);
        try (TensorSource source = TensorSource.open(file)) {
            for (TensorInfo info : source.tensors())
                if (adapter.params().get(info.name()) == null)
                    throw new FormatException(file, "tensor " + FormatException.quote(info.name()), "a tensor that " + CONFIG + " and the model do not call for",
                            "LoRA matrices of the target modules alone", REMEDY);
            engine.zero(adapter.params().values());
            for (Param p : adapter.params().all()) {
                List<Long> wanted = List.of(p.value().rows(), p.value().cols());
                TensorInfo info = source.info(p.name());
                if (!info.shape().equals(wanted))
                    throw new FormatException(file, "tensor " + FormatException.quote(p.name()), "shape " + info.shape(), wanted.toString(), REMEDY);
                engine.upload(p.value(), source.floats(p.name()));
            }
        }
    }

    /** Writes an adapter; each file appears whole or not at all. */
    public static void write(Engine engine, Adapter adapter, Path folder, String baseModel) throws IOException {
        Files.createDirectories(folder);
        List<TensorInfo> infos = new ArrayList<>();
        for (Param p : adapter.params().all()) infos.add(TensorInfo.of(p.name(), DType.F32, p.value().rows(), p.value().cols()));
        try (SafetensorsWriter writer = SafetensorsWriter.create(folder.resolve(WEIGHTS), Map.of("format", "pt"), infos, (done, total) -> { })) {
            for (TensorInfo info : writer.tensors())
                writer.write(info.name(), MemorySegment.ofArray(engine.floats(adapter.params().get(info.name()).value())));
            writer.commit();
        }
        Json.write(folder.resolve(CONFIG), config(adapter.lora(), baseModel));
    }

    private static ObjectNode config(LoraConfig lora, String baseModel) {
        ObjectNode json = Json.mapper().createObjectNode();
        json.putNull("alora_invocation_tokens").putNull("arrow_config").putNull("auto_mapping");
        json.putObject("alpha_pattern");
        json.put("base_model_name_or_path", baseModel).put("bias", "none").putNull("corda_config").putNull("eva_config").putNull("exclude_modules");
        json.put("fan_in_fan_out", false).put("inference_mode", true).put("init_lora_weights", true).putNull("layer_replication");
        json.putNull("layers_pattern").putNull("layers_to_transform");
        json.putObject("loftq_config");
        json.put("lora_alpha", lora.alpha()).put("lora_bias", false).put("lora_dropout", 0.0).putNull("megatron_config").put("megatron_core", "megatron.core");
        json.putNull("modules_to_save").put("peft_type", "LORA").put("r", lora.rank());
        json.putObject("rank_pattern");
        json.putNull("revision");
        lora.targets().forEach(json.putArray("target_modules")::add);
        json.putNull("target_parameters").put("task_type", "CAUSAL_LM").putNull("trainable_token_indices").put("use_dora", false);
        json.put("use_qalora", false).put("use_rslora", lora.rslora());
        return json;
    }

    private static FormatException error(Path file, String field, Object found, String wanted) {
        return new FormatException(file, field, String.valueOf(found), wanted, REMEDY);
    }
}
