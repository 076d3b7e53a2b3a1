package dev.luthier.data.record;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import dev.luthier.data.source.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Rows to samples. Columns are recognised once per set of column names, so optional columns may come and go; within
 * one file the shape must stay the same, because a row that suddenly looks like another shape has lost a column.
 * Not for use by several threads.
 */
public final class RecordParser {
    private final Columns.Overrides overrides;
    private final Map<List<String>, Columns> known = new HashMap<>();
    private final Map<String, Columns> firstOfFile = new LinkedHashMap<>();

    public RecordParser(Columns.Overrides overrides) {
        this.overrides = overrides;
    }

    /** How each file's columns were understood, by file name, in the order met. */
    public Map<String, Columns> recognised() {
        return firstOfFile;
    }

    /** @throws DataException of the row, when it is not a complete record */
    public Sample parse(Row row) {
        ObjectNode fields = row.fields();
        Columns c = columns(fields.propertyNames(), row.origin());
        return switch (c.shape()) {
            case TOKENS -> tokens(fields, c, row.origin());
            case MESSAGES -> messages(fields, c, row.origin());
            case PREFERENCE -> preference(fields, c, row.origin());
            case QUESTION_ANSWER -> questionAnswer(fields, c, row.origin());
            case TEXT -> text(fields, c, row.origin());
        };
    }

    private Columns columns(Collection<String> names, Origin origin) {
        List<String> key = List.copyOf(names);
        Columns c = known.get(key);
        if (c == null) {
            c = Columns.recognise(key, overrides, origin);
            // Rows whose keys are data would otherwise fill the memory.
            if (known.size() < 10_000) known.put(key, c);
        }
        Columns first = firstOfFile.putIfAbsent(origin.file(), c);
        if (first != null && first.shape() != c.shape()) {
            throw DataException.row(origin, "reads as " + c.describe() + ", but the rows before it as "
                    + first.describe() + "; is a column missing? Correct it, name the columns with --columns, or pass"
                    + " --skip-bad-rows");
        }
        return c;
    }

    private static String name(Columns c, Field f) {
        return "column '" + c.name(f) + "'";
    }

    private static JsonNode get(ObjectNode fields, Columns c, Field f) {
        return c.name(f) == null ? null : fields.get(c.name(f));
    }

    private static String string(ObjectNode fields, Columns c, Field f, Origin origin) {
        return Values.text(get(fields, c, f), origin, name(c, f));
    }

    private static Sample tokens(ObjectNode fields, Columns c, Origin origin) {
        int[] ids = Values.ints(Values.structure(get(fields, c, Field.INPUT_IDS), origin, "input_ids"), origin,
                name(c, Field.INPUT_IDS));
        JsonNode labelNode = get(fields, c, Field.LABELS);
        int[] labels = labelNode == null || labelNode.isNull() ? ids.clone()
                : Values.ints(Values.structure(labelNode, origin, "labels"), origin, name(c, Field.LABELS));
        if (labels.length != ids.length) {
            throw DataException.row(origin, "has " + ids.length + " input_ids but " + labels.length
                    + " labels; there must be one label a token (-100 for those that are not learned)");
        }
        JsonNode maskNode = get(fields, c, Field.ATTENTION_MASK);
        if (maskNode == null || maskNode.isNull()) return new TokenRow(origin, ids, labels);
        int[] mask = Values.ints(Values.structure(maskNode, origin, "attention_mask"), origin,
                name(c, Field.ATTENTION_MASK));
        if (mask.length != ids.length) {
            throw DataException.row(origin, "has " + ids.length + " input_ids but an attention_mask of " + mask.length);
        }
        // Padding is not needed here: rows are packed without it.
        int n = 0;
        for (int i = 0; i < ids.length; i++) {
            if (mask[i] == 0) continue;
            ids[n] = ids[i];
            labels[n++] = labels[i];
        }
        return new TokenRow(origin, Arrays.copyOf(ids, n), Arrays.copyOf(labels, n));
    }

    private static Sample messages(ObjectNode fields, Columns c, Origin origin) {
        String where = name(c, Field.MESSAGES);
        List<Turn> turns = Messages.parse(Values.structure(get(fields, c, Field.MESSAGES), origin, where), origin,
                where);
        Messages.requireAnswer(turns, origin, where);
        return new Conversation(origin, withSystem(turns, fields, c, origin), tools(fields, c, origin));
    }

    /** Puts the system column before the turns unless they begin with a system message of their own. */
    private static List<Turn> withSystem(List<Turn> turns, ObjectNode fields, Columns c, Origin origin) {
        JsonNode node = get(fields, c, Field.SYSTEM);
        if (node == null || node.isContainer()) return turns;
        String system = Values.text(node, origin, name(c, Field.SYSTEM));
        boolean own = !turns.isEmpty()
                && (turns.getFirst().role().equals("system") || turns.getFirst().role().equals("developer"));
        if (system == null || system.isBlank() || own) return turns;
        List<Turn> all = new ArrayList<>(turns.size() + 1);
        all.add(Turn.of("system", system));
        all.addAll(turns);
        return all;
    }

    private static List<Object> tools(ObjectNode fields, Columns c, Origin origin) {
        JsonNode node = Values.structure(get(fields, c, Field.TOOLS), origin, "tools");
        if (node == null || node.isNull() || (node.isString() && node.asString().isBlank())) return List.of();
        if (!node.isArray()) throw DataException.row(origin, name(c, Field.TOOLS) + " must be an array of tools");
        List<Object> tools = new ArrayList<>();
        for (JsonNode t : node) {
            if (t.isNull()) throw DataException.row(origin, name(c, Field.TOOLS) + " holds null instead of a tool");
            tools.add(Values.plain(t, origin));
        }
        return tools;
    }

    private static Sample questionAnswer(ObjectNode fields, Columns c, Origin origin) {
        List<Turn> turns = new ArrayList<>(prompt(fields, c, origin));
        JsonNode answerNode = get(fields, c, Field.ANSWER);
        if (answerNode != null && answerNode.isArray()) {
            List<Turn> answer = Messages.parse(answerNode, origin, name(c, Field.ANSWER));
            Messages.requireAnswer(answer, origin, name(c, Field.ANSWER));
            turns.addAll(answer);
            return new Conversation(origin, turns, tools(fields, c, origin));
        }
        String answer = answer(fields, c, Field.ANSWER, origin);
        String thinking = c.name(Field.THINKING) == null ? null : string(fields, c, Field.THINKING, origin);
        turns.add(Thinking.split(answer, thinking == null || thinking.isBlank() ? null : thinking));
        return new Conversation(origin, turns, tools(fields, c, origin));
    }

    private static String answer(ObjectNode fields, Columns c, Field f, Origin origin) {
        String answer = string(fields, c, f, origin);
        if (answer == null || answer.isBlank()) {
            throw DataException.row(origin, "has no answer: " + name(c, f) + " is "
                    + (get(fields, c, f) == null ? "missing" : "empty")
                    + "; fill it in, remove the row or pass --skip-bad-rows");
        }
        return answer;
    }

    /** System, question and input as turns; earlier messages where the question column is a message list. */
    private static List<Turn> prompt(ObjectNode fields, Columns c, Origin origin) {
        JsonNode node = get(fields, c, Field.QUESTION);
        List<Turn> turns;
        if (node != null && node.isArray()) {
            turns = Messages.parse(node, origin, name(c, Field.QUESTION)).stream().map(Turn::untrained).toList();
        } else {
            String question = node == null ? "" : Values.text(node, origin, name(c, Field.QUESTION));
            String input = c.name(Field.INPUT) == null ? null : string(fields, c, Field.INPUT, origin);
            turns = List.of(new Turn("user", question == null ? "" : question,
                    input == null || input.isBlank() ? null : input, null, true, Map.of()));
        }
        return withSystem(turns, fields, c, origin);
    }

    private static Sample preference(ObjectNode fields, Columns c, Origin origin) {
        return new Preference(origin, ending(fields, c, Field.CHOSEN, origin), ending(fields, c, Field.REJECTED, origin));
    }

    private static Conversation ending(ObjectNode fields, Columns c, Field f, Origin origin) {
        JsonNode node = Values.structure(get(fields, c, f), origin, name(c, f));
        List<Turn> turns = new ArrayList<>();
        if (node != null && node.isContainer()) {
            JsonNode list = node.isArray() ? node : JsonNodeFactory.instance.arrayNode().add(node);
            List<Turn> own = Messages.parse(list, origin, name(c, f));
            // Some sets repeat the prompt in both lists, some hold it in a column of its own.
            boolean whole = !own.isEmpty() && !own.getFirst().isAssistant();
            turns.addAll(whole ? withSystem(own, fields, c, origin) : prompt(fields, c, origin));
            if (!whole) turns.addAll(own);
        } else {
            turns.addAll(prompt(fields, c, origin));
            turns.add(Thinking.split(answer(fields, c, f, origin), null));
        }
        if (turns.isEmpty() || !turns.getLast().isAssistant()) {
            throw DataException.row(origin, name(c, f) + " does not end with an assistant message, which is what a"
                    + " preference compares");
        }
        for (int i = 0; i < turns.size() - 1; i++) turns.set(i, turns.get(i).untrained());
        return new Conversation(origin, turns, tools(fields, c, origin));
    }

    private static Sample text(ObjectNode fields, Columns c, Origin origin) {
        String text = string(fields, c, Field.TEXT, origin);
        if (text == null || text.isBlank()) {
            throw DataException.row(origin, "has no text: " + name(c, Field.TEXT)
                    + " is empty; fill it in, remove the row or pass --skip-bad-rows");
        }
        return new RawText(origin, text);
    }
}
