package dev.luthier.data.record;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import dev.luthier.data.source.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Reading values of a row with checks that name the place. */
final class Values {
    private Values() {}

    /** Text of a value: a string, or a number or boolean as written; null for null or nothing. */
    static String text(JsonNode node, Origin origin, String name) {
        if (node == null || node.isNull()) return null;
        if (node.isContainer()) {
            throw DataException.row(origin, name + " holds " + (node.isArray() ? "an array" : "an object")
                    + ", but text is needed; name another column with --columns");
        }
        return checked(node.asString(), origin, name);
    }

    /** Refuses half a surrogate pair, which no encoding of text can hold. */
    static String checked(String s, Origin origin, String name) {
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (!Character.isSurrogate(c)) continue;
            if (Character.isHighSurrogate(c) && i + 1 < s.length() && Character.isLowSurrogate(s.charAt(i + 1))) {
                i++;
                continue;
            }
            throw DataException.row(origin, name + " holds half a character (\\u" + Integer.toHexString(c)
                    + " without its partner); was a text cut in the middle of an emoji? Correct it or pass"
                    + " --skip-bad-rows");
        }
        return s;
    }

    /** A value that should be an array or object, but may stand as JSON in a string, as it does in CSV files. */
    static JsonNode structure(JsonNode node, Origin origin, String name) {
        if (node == null || !node.isString()) return node;
        String s = node.asString().strip();
        if (!s.startsWith("[") && !s.startsWith("{")) return node;
        try {
            return Json.MAPPER.readTree(s);
        } catch (JacksonException e) {
            throw DataException.row(origin, name + " begins like JSON but is not valid ("
                    + String.valueOf(e.getOriginalMessage()).replaceAll("\\s+", " ") + "); correct it");
        }
    }

    /** A whole-number array. */
    static int[] ints(JsonNode node, Origin origin, String name) {
        if (node == null || !node.isArray()) {
            throw DataException.row(origin, name + " must be an array of whole numbers");
        }
        int[] a = new int[node.size()];
        for (int i = 0; i < a.length; i++) {
            JsonNode v = node.get(i);
            if (!v.isIntegralNumber() || !v.canConvertToInt()) {
                throw DataException.row(origin, name + "[" + i + "] is " + v + ", but a token id is a whole number");
            }
            a[i] = v.intValue();
        }
        return a;
    }

    /** The same value in plain Java: Map, List, String, Number, Boolean or null. */
    static Object plain(JsonNode node, Origin origin) {
        return switch (node.getNodeType()) {
            case OBJECT -> {
                Map<String, Object> m = new LinkedHashMap<>();
                node.forEachEntry((k, v) -> m.put(k, plain(v, origin)));
                yield m;
            }
            case ARRAY -> {
                List<Object> list = new ArrayList<>(node.size());
                for (JsonNode v : node) list.add(plain(v, origin));
                yield list;
            }
            case STRING -> checked(node.asString(), origin, "a value");
            case NUMBER -> node.numberValue();
            case BOOLEAN -> node.booleanValue();
            default -> null;
        };
    }
}
