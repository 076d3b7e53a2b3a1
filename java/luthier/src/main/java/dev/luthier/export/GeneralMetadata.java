package dev.luthier.export;

import dev.luthier.io.GgufValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * The keys {@code general.*} that tell people what a model is, from its card, its files and its folder's name, in the order in which llama.cpp's
 * converter writes them (Metadata of gguf-py).
 */
final class GeneralMetadata {
    /** Sampling settings: key in generation_config.json, key in GGUF, whether whole. */
    private record Sampling(String from, String to, boolean whole) {
    }

    private static final List<Sampling> SAMPLING = List.of(new Sampling("top_k", "top_k", true), new Sampling("top_p", "top_p", false),
            new Sampling("min_p", "min_p", false), new Sampling("temperature", "temp", false), new Sampling("penalty_repeat", "penalty_repeat", false));
    private static final Pattern HUB_URL = Pattern.compile("https?://huggingface\\.co/([^/]+/[^/]+)");

    private GeneralMetadata() {
    }

    /**
     * Adds the keys.
     *
     * @param facts      what is known of the model
     * @param parameters number of its parameters, negative for an adapter
     */
    static void add(SequencedMap<String, GgufValue> keys, ModelFacts facts, long parameters) {
        sampling(keys, facts.generation());
        ModelCard card = facts.card();
        ModelTitle title = ModelTitle.of(facts.id(), parameters);
        string(keys, "general.name", or(facts.name(), or(card.first("name", "model_name"), ModelTitle.title(title.name()))));
        string(keys, "general.author", card.first("author", "model_author", "model_creator"));
        string(keys, "general.version", or(card.first("version", "model_version"), title.version()));
        String organization = title.organization() == null ? null : ModelTitle.title(title.organization());
        string(keys, "general.organization", or(card.first("organization", "model_organization"), organization));
        string(keys, "general.finetune", or(card.first("finetune", "model_finetune"), title.finetune()));
        string(keys, "general.basename", or(card.first("basename", "model_basename", "model_type"), title.basename()));
        string(keys, "general.description", card.first("description", "model_description"));
        String size = or(card.first("size_label", "model_size_label"), title.sizeLabel());
        string(keys, "general.size_label", size == null && parameters > 0 ? ModelTitle.sizeLabel(parameters) : size);
        List<String> license = card.all("license");
        string(keys, "general.license", license.isEmpty() ? null : String.join(",", license));
        string(keys, "general.license.name", card.first("license_name"));
        string(keys, "general.license.link", card.first("license_link"));
        relatives(keys, "general.base_model", facts.baseModel() == null ? card.all("base_model") : List.of(facts.baseModel()), parameters);
        relatives(keys, "general.dataset", card.all("datasets"), parameters);
        strings(keys, "general.tags", card.all("tags", "pipeline_tag"));
        strings(keys, "general.languages", card.all("languages", "language"));
    }

    private static void sampling(Map<String, GgufValue> keys, JsonNode generation) {
        for (Sampling s : SAMPLING) {
            JsonNode value = generation.path(s.from);
            if (value.isNumber())
                keys.put("general.sampling." + s.to, s.whole ? GgufValue.int32(value.asInt()) : GgufValue.float32((float) value.asDouble()));
        }
    }

    /** Models or data that this one comes from: names, and where they are. */
    private static void relatives(Map<String, GgufValue> keys, String key, List<String> ids, long parameters) {
        if (ids.isEmpty()) return;
        keys.put(key + ".count", GgufValue.uint32(ids.size()));
        for (int i = 0; i < ids.size(); i++) {
            String id = ids.get(i);
            boolean url = id.matches("(https?|ssh)://.*");
            Matcher hub = HUB_URL.matcher(id);
            String at = key + "." + i + ".";
            if (!url || hub.matches()) {
                ModelTitle title = ModelTitle.of(url ? hub.group(1) : id, parameters);
                string(keys, at + "name", ModelTitle.title(title.name()));
                string(keys, at + "version", title.version());
                if (title.organization() != null) {
                    string(keys, at + "organization", ModelTitle.title(title.organization()));
                    if (!url) string(keys, at + "repo_url", "https://huggingface.co/" + title.organization() + "/" + title.name());
                }
            }
            if (url) string(keys, at + "repo_url", id);
        }
    }

    private static void string(Map<String, GgufValue> keys, String key, String value) {
        if (value != null) keys.put(key, GgufValue.string(value));
    }

    private static void strings(Map<String, GgufValue> keys, String key, List<String> values) {
        if (!values.isEmpty()) keys.put(key, GgufValue.strings(new ArrayList<>(values)));
    }

    private static String or(String value, String otherwise) {
        return value != null ? value : otherwise;
    }
}
