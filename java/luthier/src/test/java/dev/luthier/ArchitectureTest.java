package dev.luthier;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.Architectures.LayeredArchitecture;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The rooms of the house and the arrows between them: each room is used by the named ones only. */
class ArchitectureTest {
    private static final Map<String, Set<String>> USED_BY = new LinkedHashMap<>();
    private static JavaClasses classes;

    static {
        USED_BY.put("binding", Set.of("engine", "ops"));
        USED_BY.put("engine", Set.of("ops", "model", "data", "train", "generate", "export", "hub", "server", "cli"));
        USED_BY.put("ops", Set.of("model", "data", "train", "generate", "export", "server", "cli"));
        USED_BY.put("io", Set.of("model", "data", "train", "generate", "export", "hub", "server", "cli"));
        USED_BY.put("tokenizer", Set.of("model", "data", "train", "generate", "export", "server", "cli"));
        USED_BY.put("template", Set.of("model", "data", "train", "generate", "export", "server", "cli"));
        USED_BY.put("model", Set.of("train", "generate", "export", "server", "cli"));
        USED_BY.put("data", Set.of("train", "generate", "export", "server", "cli"));
        USED_BY.put("train", Set.of("server", "cli"));
        USED_BY.put("generate", Set.of("export", "server", "cli"));
        USED_BY.put("export", Set.of("server", "cli"));
        USED_BY.put("hub", Set.of("server", "cli"));
        USED_BY.put("server", Set.of("cli"));
        USED_BY.put("cli", Set.of());
    }

    @BeforeAll
    static void load() {
        classes = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages("dev.luthier");
    }

    @Test
    void arrowsGoDownOnly() {
        LayeredArchitecture house = layeredArchitecture().consideringOnlyDependenciesInLayers().withOptionalLayers(true);
        for (String room : USED_BY.keySet()) house = house.layer(room).definedBy("dev.luthier." + room + "..");
        for (Map.Entry<String, Set<String>> e : USED_BY.entrySet()) {
            house = e.getValue().isEmpty() ? house.whereLayer(e.getKey()).mayNotBeAccessedByAnyLayer()
                    : house.whereLayer(e.getKey()).mayOnlyBeAccessedByLayers(e.getValue().toArray(String[]::new));
        }
        house.check(classes);
    }

    @Test
    void everyRoomIsKnown() {
        noClasses().that().resideOutsideOfPackages(USED_BY.keySet().stream().map(r -> "dev.luthier." + r + "..").toArray(String[]::new))
                .should().resideInAPackage("dev.luthier..").allowEmptyShould(true).check(classes);
    }

    @Test
    void noCircles() {
        SlicesRuleDefinition.slices().matching("dev.luthier.(*)..").should().beFreeOfCycles().check(classes);
    }

    @Test
    void theEngineStandsOnTheJdkAlone() {
        noClasses().that().resideInAnyPackage("dev.luthier.engine..", "dev.luthier.ops..", "dev.luthier.binding..")
                .should().dependOnClassesThat().resideInAnyPackage("tools.jackson..", "picocli..", "com..", "org..").check(classes);
    }
}
