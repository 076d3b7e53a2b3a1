package dev.luthier.cli;

import dev.luthier.data.Origin;
import dev.luthier.data.frame.Frame;
import dev.luthier.data.record.Conversation;
import dev.luthier.data.record.Turn;
import dev.luthier.data.rows.EncodeOptions;
import dev.luthier.data.rows.RowEncoder;
import dev.luthier.generate.Generator;
import dev.luthier.generate.ModelText;
import dev.luthier.io.Json;
import dev.luthier.tokenizer.StreamDecoder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** Continues a text, or answers as a chat. */
@Command(name = "generate", mixinStandardHelpOptions = true, description = {"Continues a text (--prompt), or answers in the model's own chat form (--chat).",
        "Standard output holds the text alone, as it is written; everything else goes to standard error."})
final class Generate implements Callable<Integer> {
    @Mixin
    private EngineOptions engine;

    @Mixin
    private ModelOptions model;

    @Mixin
    private SamplingOptions sampling;

    @Option(names = "--adapter", paramLabel = "DIR", description = "PEFT adapter, or the folder of a run, to apply")
    Path adapter;

    @ArgGroup(multiplicity = "1")
    private Input input;

    /** Exactly one of them. */
    static final class Input {
        @Option(names = "--prompt", paramLabel = "TEXT", description = "text to continue as it is")
        String prompt;

        @Option(names = "--chat", paramLabel = "TEXT", description = "question to answer")
        String chat;
    }

    @Option(names = "--system", paramLabel = "TEXT", description = "system message before --chat")
    String system;

    @Option(names = "--no-echo", description = "with --prompt: print the new text alone")
    boolean noEcho;

    @Option(names = "--hide-thinking", description = "leave out what stands between <think> and </think>")
    boolean hideThinking;

    @Option(names = "--json", description = "print one JSON object with the text and the token counts")
    boolean asJson;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        ModelText text = ModelText.load(model.model);
        boolean chat = input.chat != null;
        Frame frame = chat ? text.frameOf(adapter) : null;
        int[] prompt = chat ? chatPrompt(text, frame, system, input.chat) : text.tokenizer().encode(input.prompt);
        boolean opensThinking = chat && frame.prompt(conversation(system, input.chat)).opensThinking();
        try (Session s = Session.open(engine, model, adapter, new Terminal(err), err)) {
            if (!chat && !noEcho && !asJson) out.print(input.prompt);
            StringBuilder whole = new StringBuilder();
            ThinkingFilter filter = new ThinkingFilter(hideThinking, opensThinking);
            StreamDecoder stream = text.tokenizer().stream(true);
            if (!chat) for (int id : prompt) stream.next(id); // what follows a text is decoded as following it
            Generator.Result result = new Generator(s.ops(), s.tuned()).generate(prompt, sampling.maxNewTokens, sampling.sampling(), text.tokenizer().stopIds(), id -> {
                emit(filter.next(stream.next(id)), whole, out);
                return true;
            });
            emit(filter.next(stream.finish()), whole, out);
            if (asJson) out.println(Json.text(json(whole.toString(), prompt.length, result)));
            else out.println();
            err.printf(Locale.ROOT, "luthier: %d prompt tokens in %.2f s, %d new tokens in %.2f s (%.1f tokens/s), ended by %s%n", prompt.length, result.prefillSeconds(),
                    result.tokens().length, result.decodeSeconds(), result.tokens().length / Math.max(result.decodeSeconds(), 1e-9),
                    result.finish().name().toLowerCase(Locale.ROOT));
        }
        return ExitCode.OK;
    }

    private void emit(String piece, StringBuilder whole, PrintWriter out) {
        whole.append(piece);
        if (asJson || piece.isEmpty()) return;
        out.print(piece);
        out.flush();
    }

    private static ObjectNode json(String text, int promptTokens, Generator.Result r) {
        ObjectNode json = Json.mapper().createObjectNode().put("text", text).put("prompt_tokens", promptTokens).put("new_tokens", r.tokens().length);
        var ids = json.putArray("ids");
        for (int id : r.tokens()) ids.add(id);
        return json.put("finish", r.finish().name().toLowerCase(Locale.ROOT)).put("prefill_seconds", r.prefillSeconds()).put("decode_seconds", r.decodeSeconds());
    }

    /** The ids of a question in a frame: the very ids a training row with this question begins with. */
    static int[] chatPrompt(ModelText text, Frame frame, String system, String question) {
        return new RowEncoder(frame, text.encoder(), EncodeOptions.ofLength(2)).prompt(conversation(system, question));
    }

    private static Conversation conversation(String system, String question) {
        List<Turn> turns = new ArrayList<>();
        if (system != null) turns.add(Turn.of("system", system));
        turns.add(Turn.of("user", question));
        return new Conversation(new Origin("--chat", "line", 1, 0), turns);
    }
}
