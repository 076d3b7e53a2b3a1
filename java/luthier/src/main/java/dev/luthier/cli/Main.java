package dev.luthier.cli;

import dev.luthier.data.DataException;
import dev.luthier.engine.EngineException;
import dev.luthier.io.DiskSpaceException;
import dev.luthier.io.FormatException;
import dev.luthier.template.TemplateException;
import dev.luthier.tokenizer.TokenizerException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The program: {@code luthier COMMAND ...}. */
@Command(name = "luthier", mixinStandardHelpOptions = true, versionProvider = Main.Version.class, synopsisSubcommandLabel = "COMMAND",
        description = {"Fine-tunes large language models: load in 4 bits, ask, train a LoRA adapter, ask again, export.",
                "Exit codes: 0 ok, 2 usage or bad input, 6 memory, 7 disk, 8 diverged, 1 a defect of this program."},
        subcommands = {Doctor.class, Plan.class, Train.class, Generate.class, Compare.class, Score.class, Tokenize.class, Export.class})
public final class Main implements Runnable {
    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    public static void main(String[] args) {
        System.exit(run(new PrintWriter(System.out, false, StandardCharsets.UTF_8), new PrintWriter(System.err, true, StandardCharsets.UTF_8), args));
    }

    /** Runs one command; the exit code. Results go to {@code out}, everything else to {@code err}. */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine line = new CommandLine(new Main()).setOut(out).setErr(err).setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((e, a) -> {
            err.println("luthier: " + oneLine(e.getMessage()) + " (luthier " + commandName(e.getCommandLine()) + "--help tells more)");
            return ExitCode.USAGE;
        });
        line.setExecutionExceptionHandler((e, commandLine, result) -> report(e, err));
        int code = line.execute(args);
        out.flush();
        err.flush();
        return code;
    }

    private static String commandName(CommandLine line) {
        return line.getParent() == null ? "" : line.getCommandName() + " ";
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** One line for what the user can mend; the whole trace for what is ours. */
    private static int report(Exception e, PrintWriter err) {
        Throwable cause = e instanceof UncheckedIOException u ? u.getCause() : e;
        int code = switch (cause) {
            case EngineException x -> switch (x.status()) {
                case OUT_OF_MEMORY -> ExitCode.MEMORY;
                case UNAVAILABLE, UNSUPPORTED -> ExitCode.USAGE;
                default -> ExitCode.INTERNAL;
            };
            case DiskSpaceException _ -> ExitCode.DISK;
            case CommandFailure x -> x.exitCode();
            case FormatException _, DataException _, TokenizerException _, TemplateException _, IllegalArgumentException _, IOException _ -> ExitCode.USAGE;
            default -> ExitCode.INTERNAL;
        };
        if (code == ExitCode.INTERNAL) {
            err.println("luthier: a defect of this program; please report it with what follows");
            e.printStackTrace(err);
        } else {
            err.println("luthier: " + sentence(cause));
        }
        return code;
    }

    private static String sentence(Throwable e) {
        return oneLine(switch (e) {
            case NoSuchFileException x -> x.getFile() + ": no such file; check the path";
            case AccessDeniedException x -> x.getFile() + ": not permitted; check who may read or write it";
            case FileSystemException x -> x.getFile() + ": " + x.getReason();
            default -> String.valueOf(e.getMessage());
        });
    }

    private static String oneLine(String s) {
        return String.valueOf(s).strip().replaceAll("\\s*\\R\\s*", " ");
    }

    /** The version that the jar carries. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String v = Main.class.getPackage().getImplementationVersion();
            return new String[] {"luthier " + (v == null ? "(unpackaged)" : v)};
        }
    }
}
