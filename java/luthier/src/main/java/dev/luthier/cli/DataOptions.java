package dev.luthier.cli;

import dev.luthier.data.frame.Frame;
import dev.luthier.data.frame.Frames;
import dev.luthier.data.record.Columns;
import dev.luthier.data.rows.Dataset;
import dev.luthier.data.rows.EncodeOptions;
import dev.luthier.data.rows.Loader;
import dev.luthier.data.rows.RowEncoder;
import dev.luthier.data.source.SourceOptions;
import dev.luthier.data.source.Sources;
import dev.luthier.generate.ModelText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import picocli.CommandLine.Option;

/** Which rows to train on, and how they become tokens. */
final class DataOptions {
    /** Rows beyond this many tokens are kept in a file instead of in memory. */
    private static final long MEMORY_TOKENS = 100_000_000;

    @Option(names = "--data", required = true, split = ",", paramLabel = "FILE",
            description = "JSON, JSONL, CSV, TSV, XML, Parquet or text, also .gz, also globs; several are separated by commas")
    List<String> data;

    @Option(names = "--template", paramLabel = "NAME",
            description = "chat (the model's own; default where it has one), reasoning-en, reasoning-zh, alpaca, plain, or a file with {question} and {answer}")
    String template;

    @Option(names = "--columns", paramLabel = "FIELD=NAME", description = "what the columns are, where they are not recognised: question=Q,answer=A,thinking=T")
    String columns;

    @Option(names = "--train-on-prompt", description = "learn the prompt too, not the answer alone")
    boolean trainOnPrompt;

    @Option(names = "--long-rows", defaultValue = "truncate", paramLabel = "HOW",
            description = "rows longer than --max-length: truncate, drop or split (default: ${DEFAULT-VALUE})")
    EncodeOptions.LongRows longRows;

    @Option(names = "--skip-bad-rows", description = "pass over bad rows and count them instead of stopping at the first")
    boolean skipBadRows;

    /**
     * Encoded rows and the frame they were put in.
     *
     * @param frame null when the model has no tokenizer: then every row is token ids
     */
    record Loaded(Dataset dataset, Frame frame) {
    }

    Loaded load(Path model, int vocabulary, int maxLength, Path spill, int threads, Terminal terminal) throws IOException {
        boolean text = Files.exists(model.resolve("tokenizer.json"));
        ModelText modelText = text ? ModelText.load(model) : null;
        Frame frame = text ? modelText.frame(template) : Frames.named("plain", () -> null, Set.of());
        RowEncoder encoder = new RowEncoder(frame, text ? modelText.encoder() : ModelText.noTokenizer(model),
                new EncodeOptions(maxLength, longRows, trainOnPrompt, vocabulary));
        Loader.Options options = Loader.Options.inMemory(threads).spillingTo(spill, MEMORY_TOKENS);
        if (skipBadRows) options = options.skippingBad();
        if (columns != null) options = options.withColumns(Columns.Overrides.parse(columns));
        long start = System.nanoTime();
        Dataset dataset = Loader.load(String.join(", ", data), Sources.open(Sources.expand(data), SourceOptions.DEFAULT), encoder, options,
                (records, tokens) -> terminal.show(String.format(Locale.ROOT, "reading data  %,d records, %,d tokens  %,.0f records/s", records, tokens,
                        records / Math.max(1e-3, (System.nanoTime() - start) / 1e9))));
        terminal.clear();
        return new Loaded(dataset, text ? frame : null);
    }
}
