package dev.luthier.data.rows;

import static dev.luthier.data.Example.IGNORE;

import dev.luthier.data.DataException;
import dev.luthier.data.Example;
import dev.luthier.data.Origin;
import dev.luthier.data.TextEncoder;
import dev.luthier.data.frame.Frame;
import dev.luthier.data.frame.Framed;
import dev.luthier.data.frame.Span;
import dev.luthier.data.record.Conversation;
import dev.luthier.data.record.Preference;
import dev.luthier.data.record.RawText;
import dev.luthier.data.record.Sample;
import dev.luthier.data.record.TokenRow;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Samples to token rows. Prompt and answer are encoded apart, because in use the model gets the prompt's tokens alone;
 * so the mask follows from which part a token came from. Safe for use by several threads.
 */
public final class RowEncoder {
    private final Frame frame;
    private final TextEncoder encoder;
    private final EncodeOptions options;

    public RowEncoder(Frame frame, TextEncoder encoder, EncodeOptions options) {
        this.frame = frame;
        this.encoder = encoder;
        this.options = options;
    }

    /** The prompt after which the model writes the next answer: the very ids it was trained on. */
    public int[] prompt(Conversation c) {
        return ids(frame.prompt(c));
    }

    /** Ids of framed text without an answer. */
    private int[] ids(Framed framed) {
        Builder b = new Builder();
        if (framed.begin()) b.begin();
        b.spans(framed.spans(), false);
        return Arrays.copyOf(b.ids, b.n);
    }

    /** @throws DataException of the row, when nothing in it can be learned */
    public Encoded encode(Sample sample) {
        return switch (sample) {
            case TokenRow t -> fit(List.of(checked(t)), t.origin());
            case RawText t -> fit(List.of(raw(t)), t.origin());
            case Conversation c -> fit(rows(c), c.origin());
            case Preference p -> pair(p);
        };
    }

    private List<Example> rows(Conversation c) {
        List<Framed> framed = frame.training(c);
        List<Example> rows = new ArrayList<>(framed.size());
        for (int i = 0; i < framed.size(); i++) {
            rows.add(row(framed.get(i), framed.size() == 1 ? c.origin().toString()
                    : c.origin() + " answer " + (i + 1)));
        }
        return rows;
    }

    /** Both endings, or neither: half a preference teaches nothing. */
    private Encoded pair(Preference p) {
        List<Example> both = new ArrayList<>();
        for (Conversation c : List.of(p.chosen(), p.rejected())) {
            List<Example> rows = rows(c);
            if (rows.size() != 1) {
                throw DataException.row(p.origin(), "must give one row for each of chosen and rejected");
            }
            both.add(rows.getFirst());
        }
        int longest = Math.max(both.get(0).length(), both.get(1).length());
        if (longest > options.maxLength() && options.longRows() == EncodeOptions.LongRows.SPLIT) {
            return new Encoded(List.of(), 0, 1, 0, longest);
        }
        Encoded fitted = fit(both, p.origin());
        return fitted.examples().size() == 2 ? fitted : new Encoded(List.of(), 0, 1, 0, longest);
    }

    private Example checked(TokenRow t) {
        int v = options.vocabulary();
        for (int i = 0; i < t.ids().length; i++) {
            int id = t.ids()[i], label = t.labels()[i];
            if (id < 0 || (v > 0 && id >= v)) throw outside(t.origin(), "input_ids[" + i + "]", id);
            if (label != IGNORE && (label < 0 || (v > 0 && label >= v))) {
                throw outside(t.origin(), "labels[" + i + "]", label);
            }
        }
        return new Example(t.ids(), t.labels(), t.origin().toString());
    }

    private DataException outside(Origin origin, String where, int id) {
        return DataException.row(origin, where + " is " + id + ", but token ids "
                + (options.vocabulary() > 0 ? "of this model run from 0 to " + (options.vocabulary() - 1)
                        : "are not negative")
                + "; was the row encoded with another tokenizer?");
    }

    private Example raw(RawText t) {
        Builder b = new Builder();
        b.begin();
        b.text(t.text(), false, true);
        b.add(encoder.end(), true);
        return b.example(t.origin().toString());
    }

    private Example row(Framed framed, String origin) {
        Builder b = new Builder();
        if (framed.begin()) b.begin();
        List<Span> spans = framed.spans();
        int at = 0;
        while (at < spans.size()) {
            boolean target = spans.get(at).target();
            int to = at;
            while (to < spans.size() && spans.get(to).target() == target) to++;
            int start = b.n;
            b.spans(spans.subList(at, to), target || options.trainOnPrompt());
            if (target) b.endAnswer(start, to == spans.size());
            at = to;
        }
        return b.example(origin);
    }

    private Encoded fit(List<Example> rows, Origin origin) {
        List<Example> out = new ArrayList<>(rows.size());
        int truncated = 0, dropped = 0, pieces = 0, longest = 0;
        int max = options.maxLength();
        for (Example e : rows) {
            longest = Math.max(longest, e.length());
            if (e.targets() == 0) throw nothingToLearn(origin, e, false);
            if (e.length() <= max) {
                out.add(e);
                continue;
            }
            switch (options.longRows()) {
                case DROP -> dropped++;
                case TRUNCATE -> {
                    Example cut = piece(e, 0, max, e.origin());
                    if (cut.targets() == 0) throw nothingToLearn(origin, e, true);
                    truncated++;
                    out.add(cut);
                }
                case SPLIT -> {
                    for (int from = 0, n = 1; from < e.length(); from += max, n++) {
                        Example cut = piece(e, from, Math.min(e.length(), from + max), e.origin() + " piece " + n);
                        if (cut.targets() == 0) continue;
                        pieces++;
                        out.add(cut);
                    }
                }
            }
        }
        return new Encoded(out, truncated, dropped, pieces, longest);
    }

    private DataException nothingToLearn(Origin origin, Example e, boolean cut) {
        return DataException.row(origin, cut
                ? "has no token to learn within --max-length " + options.maxLength() + " (the row has " + e.length()
                        + " tokens and its answer begins behind the cut); raise --max-length, pass --long-rows drop,"
                        + " or pass --skip-bad-rows"
                : "has no token to learn: all " + e.length() + " labels are masked (-100), or only the first is not;"
                        + " correct the labels, remove the row or pass --skip-bad-rows");
    }

    private static Example piece(Example e, int from, int to, String origin) {
        return new Example(Arrays.copyOfRange(e.ids(), from, to), Arrays.copyOfRange(e.labels(), from, to), origin);
    }

    /** Token ids with labels, growing. */
    private final class Builder {
        private int[] ids = new int[256];
        private int[] labels = new int[256];
        private int n;
        private boolean continued;

        void begin() {
            encoder.begin().ifPresent(id -> add(id, options.trainOnPrompt()));
        }

        void add(int id, boolean learned) {
            if (n == ids.length) {
                ids = Arrays.copyOf(ids, n * 2);
                labels = Arrays.copyOf(labels, n * 2);
            }
            ids[n] = id;
            labels[n++] = learned ? id : IGNORE;
        }

        /** Neighbouring spans are encoded as one text, except that literal ones stand alone. */
        void spans(List<Span> spans, boolean learned) {
            StringBuilder text = new StringBuilder();
            for (Span s : spans) {
                if (!s.literal()) {
                    text.append(s.text());
                    continue;
                }
                text(text.toString(), true, learned);
                text.setLength(0);
                text(s.text(), false, learned);
            }
            text(text.toString(), true, learned);
        }

        void text(String text, boolean parseSpecial, boolean learned) {
            if (text.isEmpty()) return;
            int[] some = encoder.encode(text, parseSpecial, continued);
            // A frame may write the begin token itself.
            boolean twice = !continued && n == 1 && some.length > 0 && encoder.begin().isPresent()
                    && ids[0] == encoder.begin().getAsInt() && some[0] == ids[0];
            for (int i = twice ? 1 : 0; i < some.length; i++) add(some[i], learned);
            continued = true;
        }

        /**
         * Ends the answer that began at {@code start}: its first end token is the last one learned. The last answer of
         * a row gets one if the frame wrote none, and nothing follows it.
         */
        void endAnswer(int start, boolean last) {
            int end = start;
            while (end < n && !encoder.isEnd(ids[end])) end++;
            if (end == n) {
                if (last) add(encoder.end(), true);
            } else if (last) {
                n = end + 1;
            } else if (!options.trainOnPrompt()) {
                Arrays.fill(labels, end + 1, n, IGNORE);
            }
        }

        Example example(String origin) {
            return new Example(Arrays.copyOf(ids, n), Arrays.copyOf(labels, n), origin);
        }
    }
}
