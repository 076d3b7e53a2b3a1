package dev.luthier.data.record;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Message lists: OpenAI's ({@code role}, {@code content}), ShareGPT's ({@code from}, {@code value}) and mixtures. */
final class Messages {
    private static final Set<String> READ = Set.of("role", "from", "content", "value", "thinking",
            "reasoning_content", "weight");

    private Messages() {}

    /** The turns of a message array. */
    static List<Turn> parse(JsonNode node, Origin origin, String column) {
        if (node == null || node.isNull()) {
            throw DataException.row(origin, column + " is empty; a conversation needs at least a user's and an"
                    + " assistant's message");
        }
        if (!node.isArray()) {
            throw DataException.row(origin, column + " must be an array of messages like {\"role\": \"user\","
                    + " \"content\": ...}");
        }
        List<Turn> turns = new ArrayList<>(node.size());
        for (int i = 0; i < node.size(); i++) turns.add(turn(node.get(i), origin, column + "[" + i + "]"));
        return turns;
    }

    /** Fails unless there is an assistant's message to learn from. */
    static void requireAnswer(List<Turn> turns, Origin origin, String column) {
        boolean assistant = false;
        for (Turn t : turns) {
            assistant |= t.isAssistant();
            if (t.isTarget()) return;
        }
        throw DataException.row(origin, assistant
                ? column + " gives every assistant message weight 0, so there is nothing to learn; remove the row or"
                        + " pass --skip-bad-rows"
                : column + " holds no assistant message, so there is no answer to learn; add it, remove the row or"
                        + " pass --skip-bad-rows");
    }

    private static Turn turn(JsonNode m, Origin origin, String where) {
        if (!m.isObject()) throw DataException.row(origin, where + " is not a message object");
        JsonNode roleNode = m.has("role") ? m.get("role") : m.get("from");
        if (roleNode == null || !roleNode.isString()) {
            throw DataException.row(origin, where + " has no role; it must be system, user, assistant or tool");
        }
        String role = role(roleNode.asString(), origin, where);
        String content = content(m.has("content") ? m.get("content") : m.get("value"), origin, where);
        JsonNode thought = m.hasNonNull("thinking") ? m.get("thinking") : m.get("reasoning_content");
        String thinking = Values.text(thought, origin, where + ".thinking");
        if (thinking != null && thinking.isBlank()) thinking = null;
        Map<String, Object> extra = new LinkedHashMap<>();
        m.forEachEntry((k, v) -> {
            if (!READ.contains(k) && !v.isNull()) extra.put(k, Values.plain(v, origin));
        });
        if (!role.equals("assistant")) {
            if (content == null) throw DataException.row(origin, where + " (" + role + ") has no content");
            return new Turn(role, content, null, null, true, extra);
        }
        boolean calls = extra.containsKey("tool_calls") || extra.containsKey("function_call");
        if ((content == null || content.isBlank()) && !calls) {
            throw DataException.row(origin, where + " (assistant) has no content, so there is no answer to learn; fill"
                    + " it in, remove the row or pass --skip-bad-rows");
        }
        Turn t = Thinking.split(content, thinking);
        return new Turn(role, t.content(), null, t.thinking(), trained(m.get("weight"), origin, where), extra);
    }

    private static boolean trained(JsonNode weight, Origin origin, String where) {
        if (weight == null || weight.isNull()) return true;
        if (weight.isNumber() && (weight.doubleValue() == 0 || weight.doubleValue() == 1)) {
            return weight.doubleValue() == 1;
        }
        throw DataException.row(origin, where + ".weight is " + weight + "; it must be 0 (context only) or 1 (learned)");
    }

    /** Text, or the text parts of a part list joined. */
    private static String content(JsonNode node, Origin origin, String where) {
        if (node == null || !node.isArray()) return Values.text(node, origin, where + ".content");
        StringBuilder b = new StringBuilder();
        for (JsonNode part : node) {
            if (part.isString()) {
                b.append(part.asString());
            } else if (part.path("text").isString() && part.path("type").asString("text").equals("text")) {
                b.append(part.path("text").asString());
            } else {
                throw DataException.row(origin, where + ".content holds a part that is not text; only text can be"
                        + " learned here");
            }
        }
        return Values.checked(b.toString(), origin, where + ".content");
    }

    private static String role(String name, Origin origin, String where) {
        return switch (name.toLowerCase(Locale.ROOT).strip()) {
            case "system" -> "system";
            case "developer" -> "developer";
            case "user", "human" -> "user";
            case "assistant", "gpt", "model", "bot", "chatgpt", "function_call" -> "assistant";
            case "tool", "function", "observation", "ipython" -> "tool";
            default -> throw DataException.row(origin, where + " has the role '" + name
                    + "'; it must be system, user, assistant or tool (or human, gpt, observation)");
        };
    }
}
