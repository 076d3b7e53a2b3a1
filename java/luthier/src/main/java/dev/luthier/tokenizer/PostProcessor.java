package dev.luthier.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The ids put around a text, from TemplateProcessing.
 *
 * @param prefix ids before the text
 * @param suffix ids after it
 * @param middle names of the special tokens between the two texts of a pair; null where the file says nothing about pairs
 */
record PostProcessor(int[] prefix, int[] suffix, List<String> middle) {
    static final PostProcessor NONE = new PostProcessor(new int[0], new int[0], null);
    private static final int MAX_IDS = 1000;

    static PostProcessor of(Field field, Vocabulary vocabulary) {
        if (!field.present()) return NONE;
        List<PostProcessor> templates = new ArrayList<>();
        read(field, vocabulary, templates);
        if (templates.size() > 1) throw field.problem("found " + templates.size() + " templates, wanted at most one TemplateProcessing");
        return templates.isEmpty() ? NONE : templates.getFirst();
    }

    private static void read(Field field, Vocabulary vocabulary, List<PostProcessor> templates) {
        String type = field.type();
        switch (type) {
            case "TemplateProcessing" -> templates.add(template(field, vocabulary));
            case "ByteLevel" -> field.only("type", "add_prefix_space", "trim_offsets", "use_regex"); // moves offsets only, and we give none
            case "Sequence" -> {
                field.only("type", "processors");
                for (Field item : field.at("processors").items()) read(item, vocabulary, templates);
            }
            default -> throw field.at("type").unsupported(type, "TemplateProcessing, ByteLevel, Sequence");
        }
    }

    private static PostProcessor template(Field field, Vocabulary vocabulary) {
        field.only("type", "single", "pair", "special_tokens");
        IdBuffer prefix = new IdBuffer(4);
        IdBuffer suffix = new IdBuffer(4);
        int texts = 0;
        for (Field piece : field.at("single").items()) {
            String name = specialName(piece);
            if (name == null && !piece.at("Sequence").at("id").text().equals("A"))
                throw piece.problem("found a second text in the template for a single text, wanted A");
            if (name == null) texts++;
            else ids(field.at("special_tokens"), name, vocabulary, texts == 0 ? prefix : suffix);
        }
        if (texts != 1) throw field.at("single").problem("found the text " + texts + " times, wanted it once");
        return new PostProcessor(prefix.toArray(), suffix.toArray(), middle(field));
    }

    /** The name of the special token that a piece stands for, or null where it stands for a text. */
    private static String specialName(Field piece) {
        piece.only("SpecialToken", "Sequence");
        if (piece.node().size() != 1) throw piece.wanted("either SpecialToken or Sequence");
        Field special = piece.at("SpecialToken");
        Field body = special.present() ? special : piece.at("Sequence");
        body.only("id", "type_id");
        return special.present() ? special.at("id").text() : null;
    }

    private static void ids(Field specials, String name, Vocabulary vocabulary, IdBuffer out) {
        Field special = specials.at(name);
        special.only("id", "ids", "tokens");
        for (Field id : special.at("ids").items()) {
            int value = id.integer(0, Vocabulary.MAX_SIZE);
            if (!vocabulary.has(value)) throw id.wanted("the id of a token");
            out.add(value);
        }
        if (out.size() > MAX_IDS) throw special.at("ids").wanted("at most " + MAX_IDS + " ids");
    }

    private static List<String> middle(Field field) {
        if (!field.at("pair").present()) return null;
        List<String> names = new ArrayList<>();
        boolean between = false;
        for (Field piece : field.at("pair").items()) {
            String name = specialName(piece);
            if (name == null) between = piece.at("Sequence").at("id").text().equals("A");
            else if (between) names.add(name);
        }
        return List.copyOf(names);
    }

    /** With an id at the start made sure of, or made sure absent. */
    PostProcessor withPrefix(int id, boolean wanted) {
        boolean has = prefix.length > 0 && prefix[0] == id;
        if (has == wanted) return this;
        return new PostProcessor(has ? Arrays.copyOfRange(prefix, 1, prefix.length) : concat(new int[] {id}, prefix), suffix, middle);
    }

    /** With an id at the end made sure of, or made sure absent. */
    PostProcessor withSuffix(int id, boolean wanted) {
        boolean has = suffix.length > 0 && suffix[suffix.length - 1] == id;
        if (has == wanted) return this;
        return new PostProcessor(prefix, has ? Arrays.copyOf(suffix, suffix.length - 1) : concat(suffix, new int[] {id}), middle);
    }

    private static int[] concat(int[] a, int[] b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }
}
