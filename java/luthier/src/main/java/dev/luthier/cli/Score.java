package dev.luthier.cli;

import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.DType;
import dev.luthier.io.FormatException;
import dev.luthier.io.Json;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.model.Packed;
import dev.luthier.model.Transformer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Losses and predictions of token rows: what one compares two engines by. */
@Command(name = "score", mixinStandardHelpOptions = true, description = {"Scores rows of token ids.",
        "For each line {\"input_ids\":[...],\"labels\":[...]?} prints {\"nll_sum\":..,\"tokens\":..,\"argmax\":[...],\"last_logits\":[...]}. Labels are not shifted:"
                + " labels[t] is the token at t, -100 counts nothing; without labels every token but the first is a target."})
final class Score implements Callable<Integer> {
    @Mixin
    private EngineOptions engine;

    @Mixin
    private ModelOptions model;

    @Option(names = "--adapter", paramLabel = "DIR", description = "PEFT adapter to apply")
    Path adapter;

    @Option(names = "--ids", required = true, paramLabel = "FILE", description = "JSON lines with input_ids and, optionally, labels")
    Path ids;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        try (BufferedReader lines = Files.newBufferedReader(ids); Session s = Session.open(engine, model, adapter, new Terminal(err), err)) {
            int number = 0;
            for (String line; (line = lines.readLine()) != null; ) {
                number++;
                if (!line.isBlank()) out.println(Json.text(score(s, row(line, number, s.config()))));
            }
        }
        return ExitCode.OK;
    }

    private record Row(int[] ids, int[] targets) {
    }

    private Row row(String line, int number, ModelConfig c) {
        JsonNode json = Json.parse(line, ids, "line " + number);
        int[] input = ints(json.path("input_ids"), "input_ids", number);
        if (input.length == 0) throw error(number, "input_ids", "no id", "at least one");
        for (int id : input) if (id < 0 || id >= c.vocab()) throw error(number, "input_ids", "id " + id, "ids below the vocabulary's " + c.vocab());
        int[] labels = json.hasNonNull("labels") ? ints(json.path("labels"), "labels", number) : input;
        if (labels.length != input.length) throw error(number, "labels", labels.length + " labels", input.length + ", one per id");
        int[] targets = new int[input.length];
        for (int t = 0; t < targets.length; t++) {
            targets[t] = t + 1 < labels.length ? labels[t + 1] : Transformer.IGNORE;
            if (targets[t] != Transformer.IGNORE && (targets[t] < 0 || targets[t] >= c.vocab()))
                throw error(number, "labels", "label " + targets[t], "-100, or ids below the vocabulary's " + c.vocab());
        }
        return new Row(input, targets);
    }

    private int[] ints(JsonNode node, String field, int number) {
        if (!node.isArray()) throw error(number, field, node.isMissingNode() ? "nothing" : "no array", "an array of whole numbers");
        int[] values = new int[node.size()];
        for (int i = 0; i < values.length; i++) {
            if (!node.get(i).isIntegralNumber() || !node.get(i).canConvertToInt()) throw error(number, field, FormatException.quote(node.get(i).toString()), "whole numbers");
            values[i] = node.get(i).asInt();
        }
        return values;
    }

    private FormatException error(int line, String field, String found, String wanted) {
        return new FormatException(ids, "line " + line + ", " + field, found, wanted, "mend this line");
    }

    private static ObjectNode score(Session s, Row row) {
        ModelConfig c = s.config();
        int t = row.ids.length;
        s.ops().engine().requireWorkspace(c.limits(t, 1, s.rank()));
        Transformer model = s.tuned();
        LoraConfig lora = model.adapter() == null ? null : model.adapter().lora();
        DType act = s.ops().engine().config().precision().activation();
        DeviceArena count = DeviceArena.counting();
        Transformer.countDecoding(count, c, lora, act, t, 1, 1);
        count.tensor(Kind.ACTIVATIONS, DType.I32, t, 1);
        try (DeviceArena arena = DeviceArena.of(s.ops().engine(), count.peak())) {
            Packed packed = Packed.of(row.ids);
            Transformer.Scores scores = model.score(s.ops(), arena, packed, row.targets);
            double sum = 0;
            int targets = 0;
            for (int i = 0; i < t; i++) {
                sum += scores.nll()[i];
                if (row.targets[i] != Transformer.IGNORE) targets++;
            }
            ObjectNode json = Json.mapper().createObjectNode().put("nll_sum", sum).put("tokens", targets);
            var argmax = json.putArray("argmax");
            for (int id : scores.best()) argmax.add(id);
            var last = json.putArray("last_logits");
            for (float x : model.logits(s.ops(), arena, packed, t - 1)[0]) last.add(x);
            return json;
        }
    }
}
