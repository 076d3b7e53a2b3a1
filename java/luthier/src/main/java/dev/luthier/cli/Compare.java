package dev.luthier.cli;

import dev.luthier.data.frame.Frame;
import dev.luthier.generate.Generator;
import dev.luthier.generate.ModelText;
import dev.luthier.io.FormatException;
import dev.luthier.io.Json;
import dev.luthier.model.Transformer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** The same questions to the base model and to the tuned one. */
@Command(name = "compare", mixinStandardHelpOptions = true, description = {"Asks the base model and the tuned one the same questions and shows the answers side by side.",
        "--prompts: a question a line, or JSON lines with \"prompt\" or \"question\"."})
final class Compare implements Callable<Integer> {
    private static final int COLUMN = 58;

    @Mixin
    private EngineOptions engine;

    @Mixin
    private ModelOptions model;

    @Mixin
    private SamplingOptions sampling;

    @Option(names = "--adapter", required = true, paramLabel = "DIR", description = "PEFT adapter, or the folder of a run")
    Path adapter;

    @Option(names = "--prompts", required = true, paramLabel = "FILE", description = "the questions")
    Path prompts;

    @Option(names = "--raw", description = "continue the prompts as they are instead of asking them as questions")
    boolean raw;

    @Option(names = "--json", description = "print a JSON object a question")
    boolean asJson;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        List<String> questions = questions();
        ModelText text = ModelText.load(model.model);
        Frame frame = raw ? null : text.frameOf(adapter);
        Terminal terminal = new Terminal(err);
        try (Session s = Session.open(engine, model, adapter, terminal, err)) {
            for (int q = 0; q < questions.size(); q++) {
                terminal.show("question " + (q + 1) + " of " + questions.size());
                int[] prompt = raw ? text.tokenizer().encode(questions.get(q)) : Generate.chatPrompt(text, frame, null, questions.get(q));
                String before = answer(s, s.untuned(), text, prompt);
                String after = answer(s, s.tuned(), text, prompt);
                terminal.clear();
                if (asJson) out.println(Json.text(Json.mapper().createObjectNode().put("prompt", questions.get(q)).put("base", before).put("tuned", after)));
                else print(out, questions.get(q), before, after);
                out.flush();
            }
        }
        return ExitCode.OK;
    }

    private List<String> questions() throws IOException {
        List<String> questions = new ArrayList<>();
        int number = 0;
        for (String line : Files.readAllLines(prompts)) {
            number++;
            if (line.isBlank()) continue;
            if (!line.stripLeading().startsWith("{")) {
                questions.add(line.strip());
                continue;
            }
            JsonNode json = Json.parse(line, prompts, "line " + number);
            String q = json.path("prompt").asString(json.path("question").asString(json.path("Question").asString("")));
            if (q.isBlank()) throw new FormatException(prompts, "line " + number, "no question", "\"prompt\" or \"question\"", "mend this line");
            questions.add(q);
        }
        if (questions.isEmpty()) throw new FormatException(prompts, "", "no question", "a question a line", "write some");
        return questions;
    }

    private String answer(Session s, Transformer m, ModelText text, int[] prompt) {
        Generator.Result r = new Generator(s.ops(), m).generate(prompt, sampling.maxNewTokens, sampling.sampling(), text.tokenizer().stopIds(), id -> true);
        return text.tokenizer().decode(r.tokens(), true).strip();
    }

    private static void print(PrintWriter out, String question, String before, String after) {
        out.println("─".repeat(2 * COLUMN + 3));
        out.println(question);
        out.println(pad("base", COLUMN) + " │ tuned");
        List<String> left = wrap(before, COLUMN);
        List<String> right = wrap(after, COLUMN);
        for (int i = 0; i < Math.max(left.size(), right.size()); i++)
            out.println(pad(i < left.size() ? left.get(i) : "", COLUMN) + " │ " + (i < right.size() ? right.get(i) : ""));
    }

    /** Lines of at most so many terminal cells, broken at spaces where there are some. */
    static List<String> wrap(String text, int width) {
        List<String> lines = new ArrayList<>();
        for (String paragraph : text.split("\\R", -1)) {
            StringBuilder line = new StringBuilder();
            int cells = 0;
            int space = -1;
            for (int i = 0; i < paragraph.length(); ) {
                int c = paragraph.codePointAt(i);
                i += Character.charCount(c);
                if (cells + cells(c) > width) {
                    int cut = space > 0 ? space : line.length();
                    lines.add(line.substring(0, cut).stripTrailing());
                    line = new StringBuilder(line.substring(cut).stripLeading());
                    cells = line.codePoints().map(Compare::cells).sum();
                    space = -1;
                }
                if (c == ' ') space = line.length();
                line.appendCodePoint(c);
                cells += cells(c);
            }
            lines.add(line.toString());
        }
        return lines;
    }

    private static String pad(String s, int width) {
        return s + " ".repeat(Math.max(0, width - s.codePoints().map(Compare::cells).sum()));
    }

    /** Cells of a terminal that a character takes: two for those of East Asia. */
    private static int cells(int c) {
        return c >= 0x1100 && (c <= 0x115F || c >= 0x2E80 && c <= 0xA4CF || c >= 0xAC00 && c <= 0xD7A3 || c >= 0xF900 && c <= 0xFAFF
                || c >= 0xFE30 && c <= 0xFE6F || c >= 0xFF00 && c <= 0xFF60 || c >= 0xFFE0 && c <= 0xFFE6 || c >= 0x1F300 && c <= 0x1FAFF || c >= 0x20000 && c <= 0x3FFFD) ? 2 : 1;
    }
}
