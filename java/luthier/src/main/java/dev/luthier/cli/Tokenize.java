package dev.luthier.cli;

import dev.luthier.io.FormatException;
import dev.luthier.io.Json;
import dev.luthier.tokenizer.Tokenizer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/** Text to token ids and back. */
@Command(name = "tokenize", mixinStandardHelpOptions = true, description = {"Prints the token ids of a text as one JSON array a line.",
        "--decode goes the other way: TEXT is a JSON array of ids, --jsonl a file with {\"ids\":[...]} or an array a line; each text is printed as a JSON string."})
final class Tokenize implements Callable<Integer> {
    @ArgGroup(multiplicity = "1")
    private Source source;

    /** Exactly one of them. */
    static final class Source {
        @Option(names = "--model", paramLabel = "DIR", description = "folder of a checkpoint")
        Path model;

        @Option(names = "--tokenizer", paramLabel = "FILE", description = "a tokenizer.json")
        Path tokenizer;
    }

    @ArgGroup(multiplicity = "1")
    private Input input;

    /** Exactly one of them. */
    static final class Input {
        @Parameters(paramLabel = "TEXT", description = "text, or with --decode a JSON array of ids")
        String text;

        @Option(names = "--jsonl", paramLabel = "FILE", description = "a line per {\"text\":...}")
        Path jsonl;
    }

    @Option(names = "--no-special", description = "encoding: add no begin or end token; decoding: leave special tokens out")
    boolean noSpecial;

    @Option(names = "--decode", description = "from ids to text")
    boolean decode;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Tokenizer tokenizer = Tokenizer.load(source.model != null ? source.model : source.tokenizer);
        PrintWriter out = spec.commandLine().getOut();
        if (input.jsonl == null) {
            out.println(decode ? decoded(tokenizer, Json.parse(input.text, Path.of("TEXT"), ""), "TEXT") : encoded(tokenizer, input.text));
            return ExitCode.OK;
        }
        try (BufferedReader lines = Files.newBufferedReader(input.jsonl)) {
            int number = 0;
            for (String line; (line = lines.readLine()) != null; ) {
                number++;
                if (line.isBlank()) continue;
                JsonNode json = Json.parse(line, input.jsonl, "line " + number);
                if (decode) out.println(decoded(tokenizer, json.isObject() ? json.path("ids") : json, "line " + number));
                else if (json.path("text").isString()) out.println(encoded(tokenizer, json.get("text").asString()));
                else throw new FormatException(input.jsonl, "line " + number, "no text", "{\"text\":\"...\"}", "mend this line");
            }
        }
        return ExitCode.OK;
    }

    private String encoded(Tokenizer tokenizer, String text) {
        ArrayNode ids = Json.mapper().createArrayNode();
        for (int id : tokenizer.encode(text, !noSpecial)) ids.add(id);
        return Json.text(ids);
    }

    private String decoded(Tokenizer tokenizer, JsonNode json, String place) {
        if (!json.isArray()) throw new FormatException(input.jsonl == null ? Path.of("TEXT") : input.jsonl, place, "no array", "an array of ids", "write [1,2,3]");
        int[] ids = new int[json.size()];
        for (int i = 0; i < ids.length; i++) {
            if (!json.get(i).isIntegralNumber() || !json.get(i).canConvertToInt() || json.get(i).asInt() < 0)
                throw new FormatException(input.jsonl == null ? Path.of("TEXT") : input.jsonl, place, FormatException.quote(json.get(i).toString()), "ids, whole numbers from 0 on", "mend it");
            ids[i] = json.get(i).asInt();
        }
        return Json.text(Json.mapper().valueToTree(tokenizer.decode(ids, noSpecial)));
    }
}
