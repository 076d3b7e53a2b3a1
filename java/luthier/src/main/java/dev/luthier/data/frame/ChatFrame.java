package dev.luthier.data.frame;

import dev.luthier.data.ConversationRenderer;
import dev.luthier.data.DataException;
import dev.luthier.data.record.Conversation;
import dev.luthier.data.record.Thinking;
import dev.luthier.data.record.Turn;
import dev.luthier.data.source.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.node.ObjectNode;

/**
 * The model's own chat template. Prompt and answer are rendered apart: the prompt is what the model gets in use (all
 * turns before the answer, with the generation prompt), the answer is what it must write from there. Templates of
 * reasoning models delete the reasoning of every answer they render, also of the one being learned; here it is put
 * back, opened by the prompt or by the answer as the template has it.
 */
public final class ChatFrame implements Frame {
    private static final Pattern EMPTY_THINKING = Pattern.compile("^<think>\\s*</think>\\s*");
    private static final Pattern CLOSED_THINKING = Pattern.compile("<think>\\s*</think>\\s*$");

    private final ConversationRenderer renderer;
    private final ControlText control;

    public ChatFrame(ConversationRenderer renderer, Set<String> controlTokens) {
        this.renderer = renderer;
        this.control = new ControlText(controlTokens);
    }

    /** A row being put together: rendered text, marked, with the parts that are answers. */
    private static final class Draft {
        private final StringBuilder text = new StringBuilder();
        private final List<Integer> ends = new ArrayList<>();
        private final List<Boolean> targets = new ArrayList<>();

        void add(String s, boolean target) {
            text.append(s);
            ends.add(text.length());
            targets.add(target);
        }

        boolean isContinuedBy(String prompt) {
            return prompt.length() >= text.length() && prompt.startsWith(text.toString());
        }

        boolean hasTarget() {
            return targets.contains(true);
        }
    }

    @Override
    public List<Framed> training(Conversation c) {
        List<Framed> rows = new ArrayList<>();
        List<Map<String, Object>> messages = messages(c);
        Draft draft = null;
        for (int i = 0; i < c.turns().size(); i++) {
            Turn turn = c.turns().get(i);
            if (!turn.isAssistant()) continue;
            String prompt = render(c, messages.subList(0, i), true);
            if (draft == null || !draft.isContinuedBy(prompt)) {
                finish(draft, rows);
                draft = new Draft();
            }
            draft.add(prompt.substring(draft.text.length()), false);
            draft.add(answer(c, messages.subList(0, i + 1), prompt, turn), turn.isTarget());
        }
        finish(draft, rows);
        return rows;
    }

    private void finish(Draft draft, List<Framed> rows) {
        if (draft == null || !draft.hasTarget()) return;
        List<Span> spans = new ArrayList<>();
        int last = draft.targets.lastIndexOf(true);
        int from = 0;
        for (int i = 0; i <= last; i++) {
            control.unmark(draft.text.substring(from, draft.ends.get(i)), draft.targets.get(i), spans);
            from = draft.ends.get(i);
        }
        rows.add(new Framed(spans, false, false));
    }

    @Override
    public Framed prompt(Conversation c) {
        String text = render(c, messages(c), true);
        List<Span> spans = new ArrayList<>();
        control.unmark(text, false, spans);
        return new Framed(spans, false, opensThinking(text));
    }

    /** What the model has to write behind {@code prompt} so that the last message comes about. */
    private String answer(Conversation c, List<Map<String, Object>> messages, String prompt, Turn turn) {
        String whole = render(c, messages, false);
        String thinking = turn.thinking() == null ? null : control.mark(turn.thinking().strip());
        String silent = thinking == null ? whole : render(c, withoutThinking(messages), false);
        boolean kept = thinking == null
                || !whole.equals(silent) && whole.indexOf(thinking, Math.min(whole.length(), prompt.length())) >= 0;
        if (kept && whole.startsWith(prompt)) return whole.substring(prompt.length());
        boolean opened = opensThinking(prompt);
        Matcher closed = CLOSED_THINKING.matcher(prompt);
        boolean isClosed = closed.find();
        if (isClosed && thinking != null) {
            throw DataException.row(c.origin(), "has reasoning, but the chat template's prompt ends behind it; render"
                    + " with reasoning on (enable_thinking=true) or use another --template");
        }
        String head = opened ? prompt.substring(0, prompt.stripTrailing().length() - Thinking.OPEN.length())
                : isClosed ? prompt.substring(0, closed.start()) : prompt;
        if (!silent.startsWith(head)) {
            throw DataException.row(c.origin(), "cannot be trained with this chat template: what it writes for the"
                    + " answer does not continue what it writes for the prompt; use another --template");
        }
        String body = EMPTY_THINKING.matcher(silent.substring(head.length())).replaceFirst("").replaceFirst("^\n+", "");
        if (turn.content() != null && !body.contains(control.mark(turn.content()).strip())) {
            throw DataException.row(c.origin(), "cannot be trained with this chat template: it leaves out or changes"
                    + " the answer's text; use another --template");
        }
        if (thinking == null) {
            if (opened) return "\n" + Thinking.CLOSE + "\n\n" + body;
            return isClosed && prompt.endsWith(Thinking.CLOSE) ? "\n\n" + body : body;
        }
        return (opened ? "" : Thinking.OPEN + "\n") + thinking + "\n" + Thinking.CLOSE + "\n\n" + body;
    }

    private static boolean opensThinking(String prompt) {
        return prompt.stripTrailing().endsWith(Thinking.OPEN);
    }

    private static List<Map<String, Object>> withoutThinking(List<Map<String, Object>> messages) {
        List<Map<String, Object>> copy = new ArrayList<>(messages);
        Map<String, Object> last = new LinkedHashMap<>(copy.removeLast());
        last.remove("reasoning_content");
        last.remove("thinking");
        copy.add(last);
        return copy;
    }

    /** The turns as a template wants them, control tokens marked. */
    private List<Map<String, Object>> messages(Conversation c) {
        List<Map<String, Object>> messages = new ArrayList<>(c.turns().size());
        for (Turn t : c.turns()) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("role", t.role());
            m.put("content", t.content() == null ? null : control.mark(t.contentWithInput()));
            if (t.thinking() != null) {
                // Templates disagree on the name.
                String thinking = control.mark(t.thinking());
                m.put("reasoning_content", thinking);
                m.put("thinking", thinking);
            }
            t.extra().forEach((k, v) -> m.put(k, marked(v)));
            messages.add(m);
        }
        return messages;
    }

    /** The value with control tokens marked in every string inside. */
    private Object marked(Object value) {
        return switch (value) {
            case String s -> control.mark(s);
            case List<?> list -> list.stream().map(this::marked).toList();
            case Map<?, ?> map -> {
                Map<String, Object> copy = new LinkedHashMap<>();
                map.forEach((k, v) -> copy.put(String.valueOf(k), marked(v)));
                yield copy;
            }
            case null, default -> value;
        };
    }

    private String render(Conversation c, List<Map<String, Object>> messages, boolean generationPrompt) {
        try {
            return renderer.render(messages, c.tools(), generationPrompt);
        } catch (DataException e) {
            throw e;
        } catch (RuntimeException e) {
            throw DataException.row(c.origin(), "is refused by the chat template ("
                    + String.valueOf(e.getMessage()).replaceAll("\\s*[\\r\\n]+\\s*", " ")
                    + "); change the record, use another --template, or pass --skip-bad-rows");
        }
    }

    @Override
    public String name() {
        return "chat template";
    }

    @Override
    public ObjectNode describe() {
        ObjectNode o = Json.MAPPER.createObjectNode().put("kind", "chat");
        o.set("chat", renderer.describe());
        return o;
    }
}
