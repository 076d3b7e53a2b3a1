package dev.luthier.template;

import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A chat template, read once and rendered as often as wanted, from any number of threads.
 *
 * <p>The source is that of {@code chat_template} in tokenizer_config.json, of {@code chat_template.jinja}, or of
 * {@code tokenizer.chat_template} in a GGUF file.
 */
public final class ChatTemplate {
    private final Parser.Template template;
    private final Limits limits;

    private ChatTemplate(Parser.Template template, Limits limits) {
        this.template = template;
        this.limits = limits;
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException of kind SYNTAX, naming the line and what was found there
     */
    public static ChatTemplate parse(String source) {
        return parse(source, Limits.DEFAULT);
    }

    /** Reads a template whose renderings are stopped at other limits than {@link Limits#DEFAULT}. */
    public static ChatTemplate parse(String source, Limits limits) {
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(limits, "limits");
        try {
            return new ChatTemplate(Parser.parse(source), limits);
        } catch (StackOverflowError e) {
            throw new TemplateException(TemplateException.Kind.SYNTAX, 0,
                    "the chat template nests too deep for the stack of this thread");
        }
    }

    /**
     * Renders a conversation.
     *
     * @throws TemplateException of any kind but SYNTAX
     */
    public Rendered render(Conversation conversation) {
        return render(conversation.variables(), conversation.clock());
    }

    /** Renders with exactly these variables and the system's clock. */
    public Rendered render(Map<String, ?> variables) {
        return render(variables, Clock.systemDefaultZone());
    }

    /**
     * Renders with exactly these variables.
     *
     * @param variables Map, Collection, CharSequence, Number, Boolean or null, nested as they like
     * @param clock what {@code strftime_now} tells; pin it where a prompt must be the same tomorrow
     */
    public Rendered render(Map<String, ?> variables, Clock clock) {
        return Rendering.render(template, variables, limits, clock);
    }

    /** Whether the template marks what the model is to learn with {@code {% generation %}} blocks. */
    public boolean marksGeneration() {
        return template.generation();
    }

    /**
     * Picks the source from the field {@code chat_template} of tokenizer_config.json, which is one template or a list of
     * named ones. With tools, {@code tool_use} is taken where there is one; else {@code default}.
     *
     * @param field the field's value: a String, or a List of Maps with {@code name} and {@code template}
     * @throws TemplateException of kind INPUT where the field is something else or has no fitting entry
     */
    public static String select(Object field, boolean withTools) {
        if (field instanceof String source) {
            return source;
        }
        if (!(field instanceof List<?> entries)) {
            throw wrongField("found " + (field == null ? "null" : field.getClass().getSimpleName()));
        }
        String byDefault = null;
        String forTools = null;
        StringBuilder names = new StringBuilder();
        for (Object entry : entries) {
            if (!(entry instanceof Map<?, ?> map) || !(map.get("name") instanceof String name)
                    || !(map.get("template") instanceof String source)) {
                throw wrongField("found an entry without the strings 'name' and 'template'");
            }
            names.append(names.isEmpty() ? "" : ", ").append(name);
            byDefault = name.equals("default") ? source : byDefault;
            forTools = name.equals("tool_use") ? source : forTools;
        }
        if (withTools && forTools != null) {
            return forTools;
        }
        if (byDefault == null) {
            throw wrongField("found no 'default' among [" + names + "]");
        }
        return byDefault;
    }

    private static TemplateException wrongField(String found) {
        return new TemplateException(TemplateException.Kind.INPUT, 0, "the field chat_template must be a string or a"
                + " list of named templates with a 'default': " + found);
    }
}
