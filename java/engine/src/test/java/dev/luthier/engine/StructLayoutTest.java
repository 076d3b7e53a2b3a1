package dev.luthier.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.binding.lt_adamw_params;
import dev.luthier.binding.lt_attention_params;
import dev.luthier.binding.lt_device_info;
import dev.luthier.binding.lt_engine_config;
import dev.luthier.binding.lt_head_loss_params;
import dev.luthier.binding.lt_limits;
import dev.luthier.binding.lt_lora_proj;
import dev.luthier.binding.lt_matrix;
import dev.luthier.binding.lt_sample_params;
import dev.luthier.binding.lt_tensor;
import dev.luthier.binding.luthier_h;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The binding and the library agree on every byte of every struct, as the compiled library itself reports it. */
class StructLayoutTest {
    @BeforeAll
    static void load() {
        Engine.loadLibrary();
    }

    static List<GroupLayout> structs() {
        return List.of(lt_tensor.layout(), lt_matrix.layout(), lt_engine_config.layout(), lt_device_info.layout(), lt_limits.layout(), lt_lora_proj.layout(),
                lt_attention_params.layout(), lt_head_loss_params.layout(), lt_adamw_params.layout(), lt_sample_params.layout());
    }

    @ParameterizedTest
    @MethodSource("structs")
    void sizesAndOffsets(GroupLayout layout) {
        String struct = layout.name().orElseThrow();
        assertEquals(List.of(0L, layout.byteSize()), reported(struct, ""), struct);
        int fields = 0;
        for (MemoryLayout member : layout.memberLayouts()) {
            if (member.name().isEmpty()) continue; // padding
            String field = member.name().get();
            assertEquals(List.of(layout.byteOffset(PathElement.groupElement(field)), member.byteSize()), reported(struct, field), struct + "." + field);
            fields++;
        }
        assertTrue(fields > 0, struct + " has fields");
    }

    @Test
    void unknownNamesAreRefused() {
        EngineException e = assertThrows(EngineException.class, () -> reported("lt_tensor", "no_such_field"));
        assertTrue(e.getMessage().contains("no_such_field"), e.getMessage());
        assertThrows(EngineException.class, () -> reported("no_such_struct", ""));
    }

    private static List<Long> reported(String struct, String field) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment offset = arena.allocate(ValueLayout.JAVA_LONG);
            MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
            Engine.check(luthier_h.lt_struct_layout(arena.allocateFrom(struct), arena.allocateFrom(field), offset, size));
            return List.of(offset.get(ValueLayout.JAVA_LONG, 0), size.get(ValueLayout.JAVA_LONG, 0));
        }
    }
}
