package dev.luthier.export;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What a model's id says about it, such as "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": words joined by '-', each a part of the family's name, a
 * size, a version or a kind of fine-tuning. Every field may be null. Follows get_model_id_components of llama.cpp's gguf-py, so that the
 * {@code general.*} keys agree with its converter's.
 *
 * @param name "DeepSeek-R1-Distill-Qwen-1.5B"; titled by {@link #title}
 */
record ModelTitle(String name, String organization, String basename, String finetune, String version, String sizeLabel) {
    private enum Kind { BASENAME, SIZE, FINETUNE, VERSION, TYPE }

    private static final Pattern VERSION = Pattern.compile("(v|iter)?\\d+([.]\\d+)*", Pattern.CASE_INSENSITIVE);
    private static final Pattern NUMBER_TYPE = Pattern.compile("i?q\\d(_\\w)*|b?fp?(16|32)", Pattern.CASE_INSENSITIVE);
    private static final Pattern SIZE = Pattern.compile("((A|\\d+x)?\\d+([._]\\d+)?[KMBT]\\d?|small|mini|medium|large|x?xl)", Pattern.CASE_INSENSITIVE);
    private static final Pattern ACTIVE = Pattern.compile("A\\d+([._]\\d+)?[KMBT]\\d?", Pattern.CASE_INSENSITIVE);
    private static final Pattern TUNED = Pattern.compile("chat|instruct|vision|lora", Pattern.CASE_INSENSITIVE);
    private static final Pattern UNTITLED = Pattern.compile("v\\d+(\\.\\d+)*|\\d.*");

    private static final class Part {
        String text;
        final Set<Kind> kinds = EnumSet.noneOf(Kind.class);

        Part(String text) {
            this.text = text;
        }
    }

    /**
     * @param id         "organization/name" or "name"
     * @param parameters of the model, negative for an adapter; tells a size from a context length
     */
    static ModelTitle of(String id, long parameters) {
        if (id.contains(" ")) return new ModelTitle(id, null, null, null, null, null);
        int slash = id.indexOf('/');
        String organization = slash < 0 || id.startsWith(".") ? null : id.substring(0, slash);
        String name = id.substring(slash + 1);
        List<Part> parts = new ArrayList<>();
        for (String word : name.split("-")) if (!word.isEmpty()) parts.add(new Part(word));
        for (int i = 0; i < parts.size(); i++) annotate(parts, i, parameters);
        preferNumericSizes(parts);
        nameTheRest(parts);
        String size = joined(parts, p -> p.kinds.contains(Kind.SIZE));
        String finetune = joined(parts, p -> p.kinds.contains(Kind.FINETUNE));
        String version = joined(parts, p -> p.kinds.contains(Kind.VERSION) && !p.kinds.contains(Kind.BASENAME));
        boolean ambiguous = size == null && finetune == null && version == null;
        return new ModelTitle(name, organization, ambiguous ? null : joined(parts, p -> p.kinds.contains(Kind.BASENAME)), finetune, version, size);
    }

    private static void annotate(List<Part> parts, int i, long parameters) {
        Part part = parts.get(i);
        if (VERSION.matcher(part.text).matches()) {
            part.kinds.add(Kind.VERSION);
        } else if (NUMBER_TYPE.matcher(part.text).matches()) {
            part.kinds.add(Kind.TYPE);
            part.text = part.text.toUpperCase(Locale.ROOT);
        } else if (i > 0 && SIZE.matcher(part.text).matches()) {
            part.text = normalSize(part.text);
            String next = i + 1 < parts.size() ? normalSize(parts.get(i + 1).text) : null;
            if (isContextLength(part.text, next, parameters)) {
                part.kinds.add(Kind.FINETUNE);
                part.text = part.text.substring(0, part.text.length() - 1) + part.text.substring(part.text.length() - 1).toLowerCase(Locale.ROOT);
            } else {
                part.kinds.add(Kind.SIZE);
            }
        } else if (i > 0 && TUNED.matcher(part.text).matches()) {
            part.kinds.add(parameters < 0 && part.text.equalsIgnoreCase("lora") ? Kind.TYPE : Kind.FINETUNE);
        }
    }

    /** "7b1" is 7.1B, "0_5b" is 0.5B. */
    private static String normalSize(String size) {
        String s = size.replace('_', '.');
        int n = s.length();
        if (n > 1 && Character.isDigit(s.charAt(n - 1))) s = s.substring(0, n - 2) + "." + s.charAt(n - 1) + s.charAt(n - 2);
        if (n > 1 && Character.isDigit(s.charAt(s.length() - 2)) && "kmbt".indexOf(s.charAt(s.length() - 1)) >= 0)
            s = s.substring(0, s.length() - 1) + s.substring(s.length() - 1).toUpperCase(Locale.ROOT);
        return s;
    }

    private static double parameters(String size) {
        return Double.parseDouble(size.substring(0, size.length() - 1)) * Math.pow(1000, " KMBT".indexOf(size.charAt(size.length() - 1)));
    }

    /** A number far from the model's size says how long its context is. */
    private static boolean isContextLength(String size, String next, long parameters) {
        if (parameters == 0) return false;
        try {
            double said = parameters(size);
            long n = Math.abs(parameters);
            if (next != null && ACTIVE.matcher(next).matches() && Math.abs(parameters(next.substring(1)) - n) <= 7 * n / 8) return false;
            return parameters < 0 ? said < n / 8 : Math.abs(said - n) > 7 * n / 8;
        } catch (NumberFormatException wordOrMixture) {
            return false;
        }
    }

    /** "mini" is no size beside "4B". */
    private static void preferNumericSizes(List<Part> parts) {
        if (parts.stream().noneMatch(p -> p.kinds.contains(Kind.SIZE) && p.text.chars().anyMatch(Character::isDigit))) return;
        for (Part p : parts) if (p.text.chars().allMatch(Character::isLetter)) p.kinds.remove(Kind.SIZE);
    }

    private static void nameTheRest(List<Part> parts) {
        boolean atStart = true;
        for (Part p : parts) {
            if (atStart && (p.kinds.isEmpty() && Character.isLetter(p.text.charAt(0)) || p.kinds.contains(Kind.VERSION))) {
                p.kinds.add(Kind.BASENAME);
            } else {
                atStart = false;
                if (p.kinds.isEmpty()) p.kinds.add(Kind.FINETUNE);
            }
        }
        for (Part p : parts.reversed()) {
            if (!p.kinds.contains(Kind.BASENAME) || p.kinds.size() == 1) break;
            p.kinds.remove(Kind.BASENAME);
        }
    }

    private static String joined(List<Part> parts, Predicate<Part> chosen) {
        Set<String> texts = new LinkedHashSet<>();
        for (Part p : parts) if (chosen.test(p)) texts.add(p.text);
        return texts.isEmpty() ? null : String.join("-", texts);
    }

    /** "tiny-llama v2" as "Tiny Llama v2": words in small letters get a capital, others stay. */
    static String title(String id) {
        return List.of(id.strip().replace('-', ' ').split("\\s+")).stream().map(ModelTitle::titleWord).collect(Collectors.joining(" "));
    }

    private static String titleWord(String word) {
        boolean small = word.chars().anyMatch(Character::isLowerCase) && word.chars().noneMatch(Character::isUpperCase);
        if (!small || UNTITLED.matcher(word).matches()) return word;
        StringBuilder s = new StringBuilder();
        boolean afterLetter = false;
        for (int c : word.codePoints().toArray()) {
            s.appendCodePoint(afterLetter ? c : Character.toTitleCase(c));
            afterLetter = Character.isLetter(c);
        }
        return s.toString();
    }

    /** "1.5B", "984K": two digits at least. */
    static String sizeLabel(long parameters) {
        double scaled = parameters;
        String[] units = {"K", "M", "B", "T"};
        int unit = 0;
        scaled /= 1000;
        while (unit < units.length - 1 && parameters > Math.pow(1000, unit + 2)) {
            scaled /= 1000;
            unit++;
        }
        // Half to even, as Python rounds.
        String whole = String.valueOf((long) Math.rint(scaled));
        int digits = Math.max(2 - (whole.equals("0") ? 0 : whole.length()), 0);
        return new java.math.BigDecimal(scaled).setScale(digits, java.math.RoundingMode.HALF_EVEN).toPlainString() + units[unit];
    }
}
