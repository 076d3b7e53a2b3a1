package dev.luthier.data.frame;

import dev.luthier.data.DataException;
import dev.luthier.data.frame.FrameText.Literal;
import dev.luthier.data.frame.FrameText.Part;
import dev.luthier.data.frame.FrameText.Place;
import dev.luthier.data.frame.FrameText.Section;
import dev.luthier.data.frame.FrameText.Slot;
import dev.luthier.data.record.Conversation;
import dev.luthier.data.record.Thinking;
import dev.luthier.data.record.Turn;
import dev.luthier.data.source.Json;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/**
 * A frame written as text with places, for one question and one answer. The answer begins at the first {@code
 * {thinking}} or {@code {answer}}, or at the section that holds it; everything before is the prompt.
 */
public final class TextFrame implements Frame {
    private final String name;
    private final String source;
    private final List<Part> prompt;
    private final List<Part> answer;
    private final ControlText control;

    /**
     * @param source see {@link FrameText}
     * @throws DataException when the text is not a frame
     */
    public TextFrame(String name, String source, Set<String> controlTokens) {
        this.name = name;
        this.source = source;
        this.control = new ControlText(controlTokens);
        List<Part> parts = FrameText.parse(source, name);
        for (Slot needed : List.of(Slot.QUESTION, Slot.ANSWER)) {
            if (!FrameText.any(parts, s -> s == needed)) {
                throw DataException.of("frame " + name + " has no {" + needed.label() + "}; a frame needs {question}"
                        + " and {answer}");
            }
        }
        int split = 0;
        while (!FrameText.any(parts.subList(split, split + 1), Slot::isTarget)) split++;
        prompt = parts.subList(0, split);
        answer = parts.subList(split, parts.size());
        if (FrameText.any(answer, s -> !s.isTarget())) {
            throw DataException.of("frame " + name + " has a place of the prompt behind the beginning of the answer;"
                    + " {system}, {question} and {input} must stand before {thinking} and {answer}");
        }
    }

    @Override
    public List<Framed> training(Conversation c) {
        Map<Slot, String> values = new EnumMap<>(Slot.class);
        List<Turn> turns = c.turns();
        int last = turns.size() - 1;
        while (last >= 0 && !turns.get(last).isAssistant()) last--;
        Turn a = last < 0 ? null : turns.get(last);
        if (a == null || !a.isTarget() || a.content() == null) {
            throw DataException.row(c.origin(), "has no answer in text, which frame " + name + " needs; use the model's"
                    + " chat template, or pass --skip-bad-rows");
        }
        fill(values, c, last);
        boolean apart = FrameText.any(answer, s -> s == Slot.THINKING);
        boolean inline = !apart && a.thinking() != null;
        values.put(Slot.THINKING, a.thinking() == null ? "" : a.thinking().strip());
        values.put(Slot.ANSWER, inline
                ? Thinking.OPEN + "\n" + a.thinking().strip() + "\n" + Thinking.CLOSE + "\n\n" + a.content()
                : a.content());
        List<Span> spans = new ArrayList<>();
        frontMatter(values, spans);
        write(prompt, values, false, spans);
        write(answer, values, true, spans);
        return List.of(new Framed(spans, true, false));
    }

    @Override
    public Framed prompt(Conversation c) {
        Map<Slot, String> values = new EnumMap<>(Slot.class);
        fill(values, c, c.turns().size());
        List<Span> spans = new ArrayList<>();
        frontMatter(values, spans);
        write(prompt, values, false, spans);
        Framed framed = new Framed(spans, true, false);
        return new Framed(spans, true, framed.text().stripTrailing().endsWith(Thinking.OPEN));
    }

    /** Reads system, question and input from the turns before {@code end}. */
    private void fill(Map<Slot, String> values, Conversation c, int end) {
        Turn question = null;
        boolean hasInput = FrameText.any(prompt, s -> s == Slot.INPUT);
        for (Turn t : c.turns().subList(0, end)) {
            switch (t.role()) {
                case "system", "developer" -> values.merge(Slot.SYSTEM, t.content(), (a, b) -> a + "\n\n" + b);
                case "user" -> {
                    if (question != null) throw onlyOne(c);
                    question = t;
                }
                default -> throw onlyOne(c);
            }
        }
        if (question == null) {
            throw DataException.row(c.origin(), "has no question, which frame " + name + " needs; use the model's chat"
                    + " template, or pass --skip-bad-rows");
        }
        values.put(Slot.QUESTION, hasInput ? question.content() : question.contentWithInput());
        values.put(Slot.INPUT, question.input() == null ? "" : question.input());
    }

    private DataException onlyOne(Conversation c) {
        return DataException.row(c.origin(), "is a conversation of several turns, but frame " + name
                + " has room for one question and one answer; use the model's chat template (--template chat), or pass"
                + " --skip-bad-rows");
    }

    /** A system text goes first where the frame gives it no place: it must not be lost in silence. */
    private void frontMatter(Map<Slot, String> values, List<Span> spans) {
        String system = values.getOrDefault(Slot.SYSTEM, "");
        if (!system.isEmpty() && !FrameText.any(prompt, s -> s == Slot.SYSTEM)) {
            control.unmark(control.mark(system) + "\n\n", false, spans);
        }
    }

    private void write(List<Part> parts, Map<Slot, String> values, boolean target, List<Span> out) {
        for (Part p : parts) {
            switch (p) {
                case Literal l -> out.add(new Span(l.text(), false, target));
                case Place place -> control.unmark(control.mark(values.getOrDefault(place.slot(), "")), target, out);
                case Section s -> {
                    if (values.getOrDefault(s.slot(), "").isEmpty() == s.whenEmpty()) {
                        write(s.parts(), values, target, out);
                    }
                }
            }
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ObjectNode describe() {
        return Json.MAPPER.createObjectNode().put("kind", "text").put("name", name).put("text", source);
    }
}
