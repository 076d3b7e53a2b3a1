package dev.luthier.generate;

import dev.luthier.data.ConversationRenderer;
import dev.luthier.data.DataException;
import dev.luthier.data.TextEncoder;
import dev.luthier.data.frame.Frame;
import dev.luthier.data.frame.Frames;
import dev.luthier.data.frame.TemplateRenderer;
import dev.luthier.data.rows.TokenizerEncoder;
import dev.luthier.io.FormatException;
import dev.luthier.io.GgufFile;
import dev.luthier.io.Json;
import dev.luthier.template.ChatTemplate;
import dev.luthier.template.TemplateException;
import dev.luthier.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * How a model reads and writes text: its tokenizer and its chat template. Training, asking and serving all take prompts from here, so that they cannot
 * differ.
 */
public final class ModelText {
    /** File in a run's folder that keeps the frame it was trained in. */
    public static final String FRAME_FILE = "frame.json";
    /** Templates that print today's date get this one: what was trained is what is asked. */
    private static final LocalDate PINNED = LocalDate.of(2024, 7, 26);

    private final Tokenizer tokenizer;
    private final String template;

    private ModelText(Tokenizer tokenizer, String template) {
        this.tokenizer = tokenizer;
        this.template = template;
    }

    /** Reads tokenizer.json and the chat template (chat_template.jinja, else tokenizer_config.json's) of a checkpoint folder; or both from a GGUF file. */
    public static ModelText load(Path folder) throws IOException {
        if (Files.isRegularFile(folder)) {
            try (GgufFile file = GgufFile.open(folder)) {
                Map<String, Object> keys = file.metadata();
                return new ModelText(Tokenizer.fromGguf(folder.toString(), keys), keys.get("tokenizer.chat_template") instanceof String t ? t : null);
            }
        }
        return new ModelText(Tokenizer.load(folder), readTemplate(folder));
    }

    private static String readTemplate(Path folder) throws IOException {
        Path jinja = folder.resolve("chat_template.jinja");
        if (Files.exists(jinja)) return Files.readString(jinja);
        Path config = folder.resolve("tokenizer_config.json");
        if (!Files.exists(config)) return null;
        JsonNode field = Json.readObject(config).path("chat_template");
        if (field.isMissingNode() || field.isNull()) return null;
        try {
            return ChatTemplate.select(Json.mapper().convertValue(field, Object.class), false);
        } catch (TemplateException e) {
            throw new FormatException(config, "chat_template", FormatException.quote(String.valueOf(e.getMessage())), "a template or a list of named ones", "mend the file");
        }
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The chat template's source; null when the model has none. */
    public String template() {
        return template;
    }

    /** Whether a model has a tokenizer of its own. */
    public static boolean present(Path model) {
        return Files.isRegularFile(model) || Files.exists(model.resolve("tokenizer.json"));
    }

    /** Stands in for the tokenizer of a model that has none: rows that are token ids already can be trained on, text cannot. */
    public static TextEncoder noTokenizer(Path folder) {
        return new TextEncoder() {
            private DataException missing() {
                return DataException.of(folder.resolve("tokenizer.json") + ": no such file; rows of text need the model's tokenizer (rows with input_ids do not)");
            }

            @Override
            public int[] encode(String text, boolean parseSpecial, boolean continued) {
                throw missing();
            }

            @Override
            public String decode(int[] ids) {
                throw missing();
            }

            @Override
            public int[] begin() {
                throw missing();
            }

            @Override
            public int end() {
                throw missing();
            }

            @Override
            public boolean isEnd(int id) {
                throw missing();
            }

            @Override
            public Set<String> controlTokens() {
                return Set.of();
            }
        };
    }

    /** The tokenizer as the data room wants it. */
    public TextEncoder encoder() {
        return new TokenizerEncoder(tokenizer);
    }

    /**
     * The frame that a name stands for.
     *
     * @param name null: the model's chat template, or "alpaca" where it has none
     */
    public Frame frame(String name) {
        String chosen = name != null ? name : template != null ? "chat" : "alpaca";
        return Frames.named(chosen, this::renderer, encoder().controlTokens());
    }

    /** The frame a run was trained in, when its folder has one; else the model's own. */
    public Frame frameOf(Path run) throws IOException {
        Path file = run == null ? null : run.resolve(FRAME_FILE);
        if (file == null || !Files.exists(file)) return frame(null);
        return Frames.from(Json.readObject(file), TemplateRenderer::from, encoder().controlTokens());
    }

    private ConversationRenderer renderer() {
        return template == null ? null : new TemplateRenderer(template, text(tokenizer.bosId()), text(tokenizer.eosId()), PINNED, Map.of());
    }

    private String text(int id) {
        return id < 0 ? null : tokenizer.token(id);
    }
}
