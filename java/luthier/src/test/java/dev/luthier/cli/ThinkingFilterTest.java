package dev.luthier.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ThinkingFilterTest {
    private static String run(boolean hide, boolean inside, String text, int piece) {
        ThinkingFilter filter = new ThinkingFilter(hide, inside);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i += piece) out.append(filter.next(text.substring(i, Math.min(text.length(), i + piece))));
        return out.append(filter.next("")).toString();
    }

    @Test
    void hidesWhatStandsBetweenTheMarksHoweverTheTextIsCut() {
        for (int piece = 1; piece < 30; piece++) {
            assertEquals("Hello. The answer.", run(true, false, "Hello. <think>Let me see < 3 </think>\n\nThe answer.", piece));
            assertEquals("The answer <b>.", run(true, true, "Let me see.\n</think>\n\nThe answer <b>.", piece));
            assertEquals("", run(true, true, "never ends", piece));
            assertEquals("a <thin", run(true, false, "a <thin", piece));
        }
    }

    @Test
    void showsEverythingWhenAsked() {
        assertEquals("<think>x</think>y", run(false, false, "<think>x</think>y", 3));
    }
}
