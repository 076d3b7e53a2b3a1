package dev.luthier.tokenizer;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A step that turns tokens back into text, written as a filter on a stream of tokens so that decoding at once and decoding piece by piece
 * are the same code. A token comes in one or more parts; after a step that joins tokens there is one endless token.
 */
sealed interface Decoder {
    /** Each doubles the text at worst (see {@link Replace}). */
    int MAX_GROWING = 4;

    /** Receives token parts in order, then the end of the stream. */
    interface Sink {
        /** @param ends whether the token ends with this part */
        void part(String text, boolean ends);

        void finish();
    }

    /** A fresh filter before another sink. */
    Sink before(Sink next);

    /** Parts collected into whole tokens, for steps that need them whole. */
    abstract class Whole implements Sink {
        private StringBuilder begun;

        @Override
        public final void part(String text, boolean ends) {
            if (begun == null && ends) {
                token(text);
                return;
            }
            if (begun == null) begun = new StringBuilder();
            begun.append(text);
            if (!ends) return;
            String whole = begun.toString();
            begun = null;
            token(whole);
        }

        abstract void token(String text);
    }

    /** GPT-2's alphabet back to bytes, joined and read as UTF-8; broken UTF-8 becomes U+FFFD. */
    record ByteLevel() implements Decoder {
        @Override
        public Sink before(Sink next) {
            return new Whole() {
                private final Utf8 utf8 = new Utf8();

                @Override
                void token(String text) {
                    byte[] bytes = ByteAlphabet.read(text);
                    String decoded = utf8.decode(bytes != null ? bytes : text.getBytes(StandardCharsets.UTF_8));
                    if (!decoded.isEmpty()) next.part(decoded, false);
                }

                @Override
                public void finish() {
                    next.part(utf8.finish(), true);
                    next.finish();
                }
            };
        }
    }

    /** Tokens such as {@code <0x0A>} back to bytes: a run of them that is UTF-8 becomes its text, else one U+FFFD a byte. */
    record ByteFallback() implements Decoder {
        @Override
        public Sink before(Sink next) {
            return new Whole() {
                private byte[] run = new byte[16];
                private int length;

                @Override
                void token(String text) {
                    int b = byteOf(text);
                    if (b < 0) {
                        flush();
                        next.part(text, true);
                        return;
                    }
                    if (length == run.length) run = Arrays.copyOf(run, 2 * length);
                    run[length++] = (byte) b;
                }

                private void flush() {
                    if (length == 0) return;
                    try {
                        next.part(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(run, 0, length)).toString(), true);
                    } catch (CharacterCodingException e) {
                        for (int i = 0; i < length; i++) next.part("\uFFFD", true);
                    }
                    length = 0;
                }

                @Override
                public void finish() {
                    flush();
                    next.finish();
                }
            };
        }

        /** The byte of a token {@code <0xNN>}, or -1. */
        static int byteOf(String token) {
            if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') return -1;
            int high = hex(token.charAt(3));
            int low = hex(token.charAt(4));
            return high < 0 || low < 0 ? -1 : high << 4 | low;
        }

        private static int hex(char c) {
            return c < 128 ? Character.digit(c, 16) : -1;
        }
    }

    /** All tokens become one. */
    record Fuse() implements Decoder {
        @Override
        public Sink before(Sink next) {
            return new Sink() {
                @Override
                public void part(String text, boolean ends) {
                    next.part(text, false);
                }

                @Override
                public void finish() {
                    next.part("", true);
                    next.finish();
                }
            };
        }
    }

    /** A character cut off the ends of each token, as often as {@code start} and {@code stop} say at most. */
    record Strip(int character, int start, int stop) implements Decoder {
        @Override
        public Sink before(Sink next) {
            return new Sink() {
                private int toCut = start;
                private final StringBuilder held = new StringBuilder(); // characters that may turn out to be the last

                @Override
                public void part(String text, boolean ends) {
                    int from = 0;
                    while (toCut > 0 && from < text.length()) {
                        int c = text.codePointAt(from);
                        if (c == character) from += Character.charCount(c);
                        toCut = c == character ? toCut - 1 : 0;
                    }
                    held.append(text, from, text.length());
                    int end = held.length();
                    for (int i = 0; i < stop && end > 0 && held.codePointBefore(end) == character; i++) end -= Character.charCount(character);
                    next.part(held.substring(0, end), ends);
                    held.delete(0, ends ? held.length() : end);
                    if (ends) toCut = start;
                }

                @Override
                public void finish() {
                    next.finish();
                }
            };
        }
    }

    /** Matches replaced, token by token. */
    record Replace(Replacement replacement) implements Decoder {
        @Override
        public Sink before(Sink next) {
            return replacement.literal() != null && replacement.literal().length() == 1 ? new Sink() {
                private final Growth growth = new Growth();

                @Override
                public void part(String text, boolean ends) {
                    next.part(growth.apply(replacement, text), ends);
                }

                @Override
                public void finish() {
                    next.finish();
                }
            } : new Whole() {
                private final Growth growth = new Growth();

                @Override
                void token(String text) {
                    next.part(growth.apply(replacement, text), true);
                }

                @Override
                public void finish() {
                    next.finish();
                }
            };
        }

        /** Whether the text may grow. */
        boolean grows() {
            return replacement.literal() == null || replacement.content().length() > replacement.literal().length();
        }

        /** Text may grow by a million characters, and beyond that to twice its length. */
        private static final class Growth {
            private long made;
            private long read;

            String apply(Replacement replacement, String text) {
                read += text.length();
                String result = replacement.apply(text, (1 << 20) + 2 * read - made);
                made += result.length();
                return result;
            }
        }
    }

    /** A character back to spaces; not in the first token, where it was put, unless it never is. */
    record Metaspace(String replacement, boolean prepends) implements Decoder {
        @Override
        public Sink before(Sink next) {
            return new Sink() {
                private boolean first = prepends;

                @Override
                public void part(String text, boolean ends) {
                    next.part(text.replace(replacement, first ? "" : " "), ends);
                    if (ends) first = false;
                }

                @Override
                public void finish() {
                    next.finish();
                }
            };
        }
    }

    /** Tokens joined by spaces: what a file without a decoder means. */
    record Spaces() implements Decoder {
        @Override
        public Sink before(Sink next) {
            return new Sink() {
                private boolean space;

                @Override
                public void part(String text, boolean ends) {
                    next.part(space ? " " + text : text, ends);
                    space = ends;
                }

                @Override
                public void finish() {
                    next.finish();
                }
            };
        }
    }

    /** Reads a decoder; a Sequence becomes its steps. */
    static List<Decoder> of(Field field) {
        if (!field.present()) return List.of(new Spaces());
        List<Decoder> steps = new ArrayList<>();
        read(field, steps);
        return List.copyOf(steps);
    }

    private static void read(Field field, List<Decoder> steps) {
        if (steps.size() >= Normalizer.MAX_STEPS) throw field.problem("found more than " + Normalizer.MAX_STEPS + " steps, wanted fewer");
        String type = field.type();
        switch (type) {
            case "ByteLevel" -> {
                field.only("type", "add_prefix_space", "trim_offsets", "use_regex");
                steps.add(new ByteLevel());
            }
            case "ByteFallback" -> {
                field.only("type");
                steps.add(new ByteFallback());
            }
            case "Fuse" -> {
                field.only("type");
                steps.add(new Fuse());
            }
            case "Strip" -> {
                field.only("type", "content", "start", "stop");
                steps.add(new Strip(field.at("content").character(), field.at("start").integer(0, 1000), field.at("stop").integer(0, 1000)));
            }
            case "Replace" -> {
                steps.add(new Replace(Replacement.of(field)));
                if (steps.stream().filter(step -> step instanceof Replace replace && replace.grows()).count() > MAX_GROWING)
                    throw field.problem("found more than " + MAX_GROWING + " Replace steps that lengthen the text, wanted fewer");
            }
            case "Metaspace" -> {
                PreTokenizers.Metaspace metaspace = PreTokenizers.Metaspace.of(field);
                steps.add(new Metaspace(metaspace.replacement(), metaspace.prepend() != PieceStep.Prepend.NEVER));
            }
            case "Sequence" -> {
                field.only("type", "decoders");
                for (Field item : field.at("decoders").items()) read(item, steps);
            }
            default -> throw field.at("type").unsupported(type, "ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, Sequence");
        }
    }
}
