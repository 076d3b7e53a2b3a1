package dev.luthier.tokenizer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SequencedSet;

/**
 * Text to token ids and back. Reads tokenizer.json as Hugging Face's tokenizers library does, and the vocabularies of GGUF files. Never
 * changes after loading; any number of threads may use one.
 */
public final class Tokenizer {
    private final Parts parts;
    private final Parts unprefixed;
    private final Vocabulary vocabulary;

    private Tokenizer(Parts parts) {
        this.parts = parts;
        this.unprefixed = parts.unprefixed();
        this.vocabulary = parts.vocabulary();
    }

    /**
     * Loads a tokenizer.json, given itself or its folder. Beside it, tokenizer_config.json, special_tokens_map.json, generation_config.json
     * and config.json are read for the tokens that begin, end and pad, for added tokens, and for whether to add begin and end.
     *
     * @throws TokenizerException where a file is missing, broken or asks for what is not supported
     */
    public static Tokenizer load(Path fileOrFolder) throws IOException {
        Path file = Files.isDirectory(fileOrFolder) ? fileOrFolder.resolve("tokenizer.json") : fileOrFolder;
        if (!Files.exists(file)) throw new TokenizerException(file.toString(), "",
                "no such file; a model needs its tokenizer.json (transformers' save_pretrained makes one of a tokenizer.model)");
        return new Tokenizer(TokenizerJson.read(Field.read(file), TokenizerConfig.beside(file)));
    }

    /**
     * Reads a tokenizer.json that stands alone.
     *
     * @param source what to call it in errors
     */
    public static Tokenizer parse(String source, byte[] json) {
        return new Tokenizer(TokenizerJson.read(Field.parse(source, json), TokenizerConfig.none(source)));
    }

    /**
     * Reads the vocabulary of a GGUF file.
     *
     * @param source   what to call the file in errors
     * @param metadata the file's metadata: strings as String, numbers as Number, arrays as List or Java arrays
     */
    public static Tokenizer fromGguf(String source, Map<String, ?> metadata) {
        return new Tokenizer(GgmlReader.read(source, metadata));
    }

    // ---------------------------------------------------------------- encoding

    /** The ids of a text with the begin and end tokens of this tokenizer, special text parsed. */
    public int[] encode(String text) {
        return encode(text, true, true);
    }

    /** The ids of a text, special text parsed. */
    public int[] encode(String text, boolean addSpecial) {
        return encode(text, addSpecial, true);
    }

    /**
     * The ids of a text. Nothing is cut off or padded, whatever the file says on that. Halves of surrogate pairs that stand alone become
     * U+FFFD.
     *
     * @param addSpecial   puts this tokenizer's begin and end tokens around the text
     * @param parseSpecial turns text such as {@code <|eot_id|>} into its control token; false makes ordinary tokens of it, for text that a
     *                     user wrote. Added tokens that are text, such as {@code <think>}, are found either way.
     * @throws TokenizerException where the tokenizer's file asks for more work on this text than is allowed
     */
    public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
        return encode(text, addSpecial, parseSpecial, parts);
    }

    /**
     * The ids of a text that follows other tokens: a tokenizer that puts a space before its input does not do so here.
     *
     * @param parseSpecial as in {@link #encode(String, boolean, boolean)}
     */
    public int[] encodeContinuation(String text, boolean parseSpecial) {
        return encode(text, false, parseSpecial, unprefixed);
    }

    /** @param opening how the text up to the first added token is cut; what comes after one is cut as ever */
    private int[] encode(String text, boolean addSpecial, boolean parseSpecial, Parts opening) {
        String whole = Characters.wellFormed(text);
        IdBuffer out = new IdBuffer(whole.length() / 3 + 8);
        if (addSpecial) out.addAll(parts.around().prefix());
        parts.raw().cut(whole, parseSpecial, (start, end, id) -> {
            if (id >= 0) out.add(id);
            else encodeText(whole, start, end, parseSpecial, start == 0 ? opening : parts, out);
        });
        if (addSpecial) out.addAll(parts.around().suffix());
        return out.toArray();
    }

    private void encodeText(String text, int start, int end, boolean parseSpecial, Parts by, IdBuffer out) {
        PieceStep.Sink pieces = PieceStep.chain(by.steps(), (piece, from, to, first) -> by.model().tokenize(piece, from, to, out));
        String raw = start == 0 && end == text.length() ? text : text.substring(start, end);
        String normal = Normalizer.applyAll(by.normalizers(), raw);
        boolean atStart = start == 0 && by == parts && !startIsCut(raw);
        parts.normalized().cut(normal, parseSpecial, (from, to, id) -> {
            if (id >= 0) out.add(id);
            else pieces.piece(normal, from, to, from == 0 && atStart);
        });
    }

    /** Whether normalizing takes characters off the start, so that what is left does not start where the text does. */
    private boolean startIsCut(String raw) {
        return !raw.isEmpty() && Characters.isWhitespace(raw.codePointAt(0))
                && parts.normalizers().stream().anyMatch(step -> step instanceof Normalizer.Strip strip && strip.left());
    }

    // ---------------------------------------------------------------- decoding

    /**
     * The text of ids. Ids without a token mean no text; bytes that are not UTF-8 become U+FFFD.
     *
     * @param skipSpecial leaves out tokens that the file calls special
     * @throws IllegalArgumentException where an id is negative
     */
    public String decode(int[] ids, boolean skipSpecial) {
        StreamDecoder stream = stream(skipSpecial);
        for (int id : ids) stream.accept(id);
        stream.end();
        return stream.take();
    }

    /** Decodes ids one by one. */
    public StreamDecoder stream(boolean skipSpecial) {
        return new StreamDecoder(vocabulary, parts.decoders(), skipSpecial);
    }

    // ---------------------------------------------------------------- tokens

    /** The largest id plus one. A model's embedding may have more rows, never fewer. */
    public int vocabSize() {
        return vocabulary.size();
    }

    /** The token of an id as the vocabulary writes it, or null where the id has none. */
    public String token(int id) {
        return vocabulary.text(id);
    }

    /** The id of a token as the vocabulary writes it. */
    public OptionalInt id(String token) {
        int id = vocabulary.id(token);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** The bytes of text that a token stands for, as in the middle of a text; empty where the id has no token. */
    public byte[] bytes(int id) {
        String text = vocabulary.text(id);
        if (text == null) return new byte[0];
        TokenKind kind = vocabulary.kind(id);
        if (kind == TokenKind.BYTE) return new byte[] {(byte) Decoder.ByteFallback.byteOf(text)};
        if (kind == TokenKind.NORMAL && parts.model() instanceof BpeModel bpe && bpe.options().byteLevel()) {
            byte[] bytes = ByteAlphabet.read(text);
            if (bytes != null) return bytes;
        }
        for (Decoder step : parts.decoders()) {
            if (step instanceof Decoder.Replace replace && " ".equals(replace.replacement().content()) && replace.replacement().literal() != null)
                text = text.replace(replace.replacement().literal(), " ");
            if (step instanceof Decoder.Metaspace metaspace) text = text.replace(metaspace.replacement(), " ");
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** What a token is; UNUSED for ids without one. */
    public TokenKind kind(int id) {
        return vocabulary.kind(id);
    }

    /** Whether the file calls a token special, so that decoding may leave it out. */
    public boolean isSpecial(int id) {
        return id >= 0 && vocabulary.isSpecial(id);
    }

    /** The token that begins a text, or -1. */
    public int bosId() {
        return parts.special().bos();
    }

    /** The token that ends a text, or -1. */
    public int eosId() {
        return parts.special().eos();
    }

    /** The token that fills up rows, or -1. */
    public int padId() {
        return parts.special().pad();
    }

    /** The token for text that has none, or -1. */
    public int unknownId() {
        return parts.special().unknown();
    }

    /** The tokens that end a generation: {@link #eosId} and what generation_config.json and config.json (or the GGUF file) name besides. */
    public SequencedSet<Integer> stopIds() {
        return Collections.unmodifiableSequencedSet(parts.special().stops());
    }

    /** The ids that {@link #encode} puts before a text. */
    public int[] prefix() {
        return parts.around().prefix().clone();
    }

    /** The ids that {@link #encode} puts after a text. */
    public int[] suffix() {
        return parts.around().suffix().clone();
    }

    // ---------------------------------------------------------------- GGUF

    /**
     * The value of {@code tokenizer.ggml.pre} under which llama.cpp cuts text as this tokenizer does, decided by its expressions,
     * normalizers and ignore_merges.
     *
     * @throws TokenizerException where there is none
     */
    public String ggmlPre() {
        return new GgmlExport(parts).pre();
    }

    /**
     * This vocabulary for a GGUF file.
     *
     * @param size the rows of the model's embedding; ids beyond the vocabulary become unused tokens
     * @throws TokenizerException where llama.cpp would cut text differently
     */
    public GgmlVocabulary ggml(int size) {
        return new GgmlExport(parts).vocabulary(size);
    }

    @Override
    public String toString() {
        return "Tokenizer[" + parts.source() + ", " + vocabSize() + " tokens, prefix " + Arrays.toString(prefix()) + "]";
    }
}
