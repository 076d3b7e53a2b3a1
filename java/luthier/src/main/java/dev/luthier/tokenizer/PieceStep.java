package dev.luthier.tokenizer;

import java.util.List;
import java.util.regex.Pattern;

/** A step of a pre-tokenizer: takes pieces of text and hands on smaller or rewritten ones. Pieces do not know of each other. */
sealed interface PieceStep {

    /** Receives pieces in order; none is empty. */
    interface Sink {
        /** @param first whether the piece starts where the whole text starts */
        void piece(String text, int start, int end, boolean first);
    }

    /** What this step does, before another sink. */
    Sink before(Sink next);

    /** The chain of all steps before a sink. */
    static Sink chain(List<PieceStep> steps, Sink end) {
        Sink sink = end;
        for (PieceStep step : steps.reversed()) sink = step.before(sink);
        return sink;
    }

    /** What becomes of the matches of a Split. */
    enum Behavior { REMOVED, ISOLATED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS }

    /**
     * Cuts at the matches of an expression.
     *
     * @param invert matches are what lies between the matches
     */
    record Split(Pattern pattern, Behavior behavior, boolean invert, String owner) implements PieceStep {

        static Split builtIn(String regex, Behavior behavior, boolean invert, String owner) {
            return new Split(OnigurumaRegex.compile(regex), behavior, invert, owner);
        }

        static Split literal(String text, Behavior behavior, boolean invert, String owner) {
            return new Split(Pattern.compile(Pattern.quote(text)), behavior, invert, owner);
        }

        @Override
        public Sink before(Sink next) {
            return (text, start, end, first) -> {
                Cutter cutter = new Cutter(text, start, first, next);
                BoundedText.search(pattern, text, start, end, owner, (from, to) -> {
                    if (cutter.seen < from) cutter.part(from, invert);
                    cutter.part(to, !invert);
                });
                if (cutter.seen < end) cutter.part(end, invert);
                cutter.flush();
            };
        }

        /** Joins and drops parts as the behavior says; a piece waits until it is known to be whole. */
        private final class Cutter {
            private final String text;
            private final int origin;
            private final boolean first;
            private final Sink next;
            private int seen;
            private int pieceStart;
            private int pieceEnd;
            private boolean previousMatch;

            Cutter(String text, int start, boolean first, Sink next) {
                this.text = text;
                this.origin = start;
                this.first = first;
                this.next = next;
                this.seen = start;
                this.pieceStart = start;
                this.pieceEnd = start;
            }

            /** The part from the last one's end. */
            void part(int end, boolean match) {
                int start = seen;
                seen = end;
                switch (behavior) {
                    case ISOLATED -> emit(start, end);
                    case REMOVED -> {
                        if (!match) emit(start, end);
                    }
                    case CONTIGUOUS -> {
                        if (match != previousMatch) flush();
                        hold(start, end);
                    }
                    case MERGED_WITH_PREVIOUS -> {
                        if (!match || previousMatch) flush();
                        hold(start, end);
                    }
                    case MERGED_WITH_NEXT -> {
                        if (match || !previousMatch) flush();
                        hold(start, end);
                    }
                }
                previousMatch = match;
            }

            private void hold(int start, int end) {
                if (pieceStart == pieceEnd) pieceStart = start;
                pieceEnd = end;
            }

            void flush() {
                emit(pieceStart, pieceEnd);
                pieceStart = pieceEnd;
            }

            private void emit(int start, int end) {
                if (start < end) next.piece(text, start, end, first && start == origin);
            }
        }
    }

    /** A space put before a piece that does not start with one. */
    record PrefixSpace() implements PieceStep {
        @Override
        public Sink before(Sink next) {
            return (text, start, end, first) -> {
                if (text.charAt(start) == ' ') next.piece(text, start, end, first);
                else next.piece(" " + text.substring(start, end), 0, end - start + 1, first);
            };
        }
    }

    /** UTF-8 bytes written in GPT-2's alphabet. */
    record Bytes() implements PieceStep {
        @Override
        public Sink before(Sink next) {
            return (text, start, end, first) -> {
                String mapped = ByteAlphabet.write(text, start, end);
                next.piece(mapped, 0, mapped.length(), first);
            };
        }
    }

    /** When Metaspace puts its character before a piece. */
    enum Prepend { ALWAYS, FIRST, NEVER }

    /** Spaces replaced by a character, which is also put before pieces; splitting at it is a step of its own. */
    record Metaspace(String replacement, Prepend prepend) implements PieceStep {
        @Override
        public Sink before(Sink next) {
            return (text, start, end, first) -> {
                String replaced = text.substring(start, end).replace(" ", replacement);
                if (!replaced.startsWith(replacement) && (prepend == Prepend.ALWAYS || prepend == Prepend.FIRST && first))
                    replaced = replacement + replaced;
                next.piece(replaced, 0, replaced.length(), first);
            };
        }
    }
}
