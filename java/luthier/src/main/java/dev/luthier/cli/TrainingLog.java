package dev.luthier.cli;

import dev.luthier.io.Json;
import dev.luthier.train.StepMetrics;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import tools.jackson.databind.node.ObjectNode;

/** What a run reports while it goes: a line per step to metrics.jsonl, a live line on a terminal, the last step everywhere. */
final class TrainingLog implements AutoCloseable {
    /** So many steps in a row without a finite gradient mean that the run has diverged. */
    private static final int MOST_SKIPPED = 5;

    private final BufferedWriter file;
    private final int total;
    private final Terminal terminal;
    private int steps;
    private int skipped;
    private int skippedInARow;
    private double firstLoss = Double.NaN;
    private double lastLoss = Double.NaN;
    private long tokens;
    private double seconds;

    TrainingLog(Path metrics, int total, Terminal terminal) throws IOException {
        this.file = Files.newBufferedWriter(metrics);
        this.total = total;
        this.terminal = terminal;
    }

    void step(StepMetrics m) {
        steps++;
        if (Double.isNaN(firstLoss)) firstLoss = m.loss();
        lastLoss = m.loss();
        tokens += m.tokens();
        seconds += m.seconds();
        write(m);
        String line = String.format(Locale.ROOT, "step %d/%d  loss %.4f  lr %.2e  grad norm %.3f  %,.0f tokens/s  %s left", m.step(), total, m.loss(), m.lr(), m.gradNorm(),
                m.tokens() / m.seconds(), Terminal.duration((total - steps) * seconds / steps));
        if (terminal.live()) terminal.show(line);
        if (m.step() == total) terminal.println("luthier: " + line);
        skippedInARow = m.skipped() ? skippedInARow + 1 : 0;
        if (!m.skipped()) return;
        skipped++;
        terminal.println("luthier: step " + m.step() + " skipped: a gradient is not finite; nothing was changed");
        if (skippedInARow == MOST_SKIPPED)
            throw new CommandFailure(ExitCode.DIVERGED, MOST_SKIPPED + " steps in a row had gradients that are not finite; lower --lr, or look at the rows of these steps");
    }

    private void write(StepMetrics m) {
        ObjectNode json = Json.mapper().createObjectNode().put("step", m.step()).put("loss", m.loss()).put("grad_norm", m.gradNorm()).put("lr", m.lr())
                .put("tokens", m.tokens()).put("seconds", m.seconds());
        try {
            file.write(Json.text(json));
            file.newLine();
            file.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int steps() {
        return steps;
    }

    int skipped() {
        return skipped;
    }

    double firstLoss() {
        return firstLoss;
    }

    double lastLoss() {
        return lastLoss;
    }

    long tokens() {
        return tokens;
    }

    double seconds() {
        return seconds;
    }

    @Override
    public void close() throws IOException {
        terminal.clear();
        file.close();
    }
}
