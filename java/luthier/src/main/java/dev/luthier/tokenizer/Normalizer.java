package dev.luthier.tokenizer;

import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.List;

/** A step that rewrites text before it is cut. */
sealed interface Normalizer {
    /** The most steps a Sequence may hold, nested ones included. */
    int MAX_STEPS = 64;

    /** @param limit the longest result allowed */
    String apply(String text, long limit);

    /** One of Unicode's normal forms. */
    record Unicode(Form form) implements Normalizer {
        @Override
        public String apply(String text, long limit) {
            return java.text.Normalizer.isNormalized(text, form) ? text : java.text.Normalizer.normalize(text, form);
        }
    }

    /** Each character's full lower case, whatever stands around it. */
    record Lowercase() implements Normalizer {
        @Override
        public String apply(String text, long limit) {
            StringBuilder out = new StringBuilder(text.length());
            text.codePoints().forEach(c -> {
                if (c == 0x130) out.append("i\u0307"); // the only character whose lower case is two
                else out.appendCodePoint(Character.toLowerCase(c));
            });
            return out.toString();
        }
    }

    /** Text put before text that is not empty. */
    record Prepend(String prefix) implements Normalizer {
        @Override
        public String apply(String text, long limit) {
            return text.isEmpty() ? text : prefix + text;
        }
    }

    /** White space cut off the ends. */
    record Strip(boolean left, boolean right) implements Normalizer {
        @Override
        public String apply(String text, long limit) {
            int start = 0;
            int end = text.length();
            if (left) while (start < end && Characters.isWhitespace(text.charAt(start))) start++;
            if (right) while (end > start && Characters.isWhitespace(text.charAt(end - 1))) end--;
            return text.substring(start, end);
        }
    }

    /** Matches replaced. */
    record Replace(Replacement replacement) implements Normalizer {
        @Override
        public String apply(String text, long limit) {
            return replacement.apply(text, limit);
        }
    }

    /** Text after all steps; a tokenizer file cannot make it grow without bound. */
    static String applyAll(List<Normalizer> steps, String text) {
        long limit = 64L * text.length() + (1 << 16);
        for (Normalizer step : steps) text = step.apply(text, limit);
        return text;
    }

    /** Reads a normalizer; a Sequence becomes its steps. */
    static List<Normalizer> of(Field field) {
        List<Normalizer> steps = new ArrayList<>();
        if (field.present()) read(field, steps);
        return List.copyOf(steps);
    }

    private static void read(Field field, List<Normalizer> steps) {
        if (steps.size() >= MAX_STEPS) throw field.problem("found more than " + MAX_STEPS + " steps, wanted fewer");
        String type = field.type();
        switch (type) {
            case "NFC", "NFD", "NFKC", "NFKD" -> {
                field.only("type");
                steps.add(new Unicode(Form.valueOf(type)));
            }
            case "Lowercase" -> {
                field.only("type");
                steps.add(new Lowercase());
            }
            case "Prepend" -> {
                field.only("type", "prepend");
                String prefix = field.at("prepend").text();
                if (prefix.length() > 100) throw field.at("prepend").wanted("at most 100 characters");
                steps.add(new Prepend(prefix));
            }
            case "Strip" -> {
                field.only("type", "strip_left", "strip_right");
                steps.add(new Strip(field.at("strip_left").flag(), field.at("strip_right").flag()));
            }
            case "Replace" -> steps.add(new Replace(Replacement.of(field)));
            case "Sequence" -> {
                field.only("type", "normalizers");
                for (Field item : field.at("normalizers").items()) read(item, steps);
            }
            default -> throw field.at("type").unsupported(type, "NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Strip, Replace, Sequence");
        }
    }
}
