package dev.luthier.data.frame;

import dev.luthier.data.ConversationRenderer;
import dev.luthier.data.DataException;
import dev.luthier.data.source.Json;
import dev.luthier.template.ChatTemplate;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model's chat template with all that decides its text. The date is pinned, because some templates print today's: a
 * model tuned on one date's prompt would meet another in use.
 */
public final class TemplateRenderer implements ConversationRenderer {
    private final ChatTemplate template;
    private final String source;
    private final String begin;
    private final String end;
    private final LocalDate date;
    private final SortedMap<String, Boolean> switches;

    /**
     * @param source   the template's text
     * @param begin    text of the begin token, or null
     * @param end      text of the end token, or null
     * @param date     what the template is told the date is
     * @param switches further variables of the template, such as {@code enable_thinking}
     */
    public TemplateRenderer(String source, String begin, String end, LocalDate date, Map<String, Boolean> switches) {
        this.template = ChatTemplate.parse(source);
        this.source = source;
        this.begin = begin;
        this.end = end;
        this.date = date;
        this.switches = new TreeMap<>(switches);
    }

    /** The renderer that {@link #describe} described. */
    public static TemplateRenderer from(JsonNode o) {
        if (!o.path("template").isString() || !o.path("date").isString()) {
            throw DataException.of("the stored chat template has no 'template' or no 'date'; it was not written by this"
                    + " program or is damaged");
        }
        Map<String, Boolean> switches = new TreeMap<>();
        o.path("switches").forEachEntry((k, v) -> switches.put(k, v.asBoolean()));
        try {
            return new TemplateRenderer(o.path("template").asString(), o.path("bos").asString(null),
                    o.path("eos").asString(null), LocalDate.parse(o.path("date").asString()),
                    switches);
        } catch (DateTimeException e) {
            throw DataException.of("the stored chat template has the date '" + o.path("date").asString()
                    + "', which is not of the form 2026-01-31", e);
        }
    }

    @Override
    public String render(List<Map<String, Object>> messages, List<Object> tools, boolean addGenerationPrompt) {
        return template.render(dev.luthier.template.Conversation.of(messages)
                .withTools(tools.isEmpty() ? null : tools)
                .withGenerationPrompt(addGenerationPrompt)
                .withTokens(begin, end)
                .withExtra(switches)
                .withClock(Clock.fixed(date.atStartOfDay().toInstant(ZoneOffset.UTC), ZoneOffset.UTC))).text();
    }

    @Override
    public ObjectNode describe() {
        ObjectNode o = Json.MAPPER.createObjectNode().put("template", source).put("date", date.toString());
        if (begin != null) o.put("bos", begin);
        if (end != null) o.put("eos", end);
        if (!switches.isEmpty()) {
            ObjectNode s = o.putObject("switches");
            switches.forEach((k, v) -> s.put(k, v));
        }
        return o;
    }
}
