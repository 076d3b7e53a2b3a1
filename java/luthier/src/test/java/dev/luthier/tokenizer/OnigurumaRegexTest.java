package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What Oniguruma matches; the expected matches were checked against it. */
class OnigurumaRegexTest {

    @ParameterizedTest
    @ValueSource(strings = {
            "^a~a\na~[a, a]",
            "a$~a\na~[a, a]",
            "\\s+$~a \n b ~[ ,  ]",
            "a.~a\ra\na\u2028~[a\r, a\u2028]",
            "a{1,2}+~aaaaab~[aaaaa]",
            "(?:ab){2,3}+~ababababab~[ababababab]",
            "a{,2}b~aab~[aab]",
            "a{x~a{x~[a{x]",
            "a?+a~aaa~[aa]",
            "\\h+~zzabf z~[abf]",
            "(?i:'s)~x'ſy'S~['ſ, 'S]",
            "a(?i)b|c~aB C ac~[aB, ac]",
            "\\p{^L}+~ab12~[12]",
            "\\p{han}+|\\p{HIRAGANA}~中文abひ~[中文, ひ]",
            "[^a-c[d-f]]+~abdexyz~[xyz]",
            "[\\p{L}&&[^\\p{Han}]]+~ab中cd~[ab, cd]",
            "[[:punct:]]+~a$+<b!_~[$+<, !_]",
            "\\p{Punct}+~a$+<b!_~[!_]",
            "[[:^alpha:]]+~a1b~[1]",
            "\\w+~a²\u200Cb_~[a², b_]",
            "\\bt~at t~[t]",
            "(?<=\\w)!~\uD835\uDD4F! !~[!]",
            "(?>a+)a|b~aab~[b]",
            "[]a]~]~[]]",
            "[a\\-z]+~a-z~[a-z]",
            "\\x41\\x{1F600}\\u00e9~A\uD83D\uDE00é~[A\uD83D\uDE00é]",
            "x~x\n~[x]",
            "b\\Z~ab\n~[b]"})
    void matches(String row) {
        String[] cells = row.split("~", -1);
        String regex = cells[0];
        String text = cells[1];
        String expected = cells[2];
        Pattern pattern = OnigurumaRegex.compile(regex);
        List<String> matches = new ArrayList<>();
        BoundedText.search(pattern, text, 0, text.length(), "test", (start, end) -> matches.add(text.substring(start, end)));
        matches.removeIf(String::isEmpty);
        assertEquals(expected, matches.toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '`', value = {
            "(a ~ a ( without )",
            "a) ~ a ) without (",
            "[a ~ a [ without ]",
            "a** ~ two quantifiers in a row",
            "* ~ a quantifier with nothing to repeat",
            "(a)\\1 ~ \\1",
            "\\K ~ \\K",
            "\\X ~ \\X",
            "\\p{Bogus} ~ the character property 'Bogus'",
            "\\xff ~ a byte above 7F",
            "(?m)a ~ a group that starts with (?m",
            "(?<n>a) ~ a named group",
            "a{3}? ~ ambiguous",
            "a{99999} ~ repeats of more than 10000",
            "((a{1000}){1000}){1000} ~ repeats of more than 10000",
            "(a*)+ ~ a repeat of a group that can match nothing",
            "(a?|b?)c ~ two alternatives can match nothing",
            "[z-a] ~ a range that ends before it starts",
            "a{3,1} ~ an interval that ends before it starts",
            "[&&a] ~ a && with nothing before it"})
    void refusals(String regex, String message) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> OnigurumaRegex.compile(regex));
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    @Test
    void aSearchThatBacktracksWithoutEndIsStopped() {
        Pattern pattern = OnigurumaRegex.compile("a*a*a*a*b");
        String text = "a".repeat(3000) + "c";
        TokenizerException e = assertThrows(TokenizerException.class,
                () -> BoundedText.search(pattern, text, 0, text.length(), "evil.json", (start, end) -> { }));
        assertEquals("evil.json: a regular expression of the tokenizer takes too long on this text.", e.getMessage());
    }

    @Test
    void aSearchThatNestsTooDeeplyIsStopped() {
        Pattern pattern = OnigurumaRegex.compile("(?:ab|c)+d");
        String text = "ab".repeat(1_000_000);
        TokenizerException e = assertThrows(TokenizerException.class,
                () -> BoundedText.search(pattern, text, 0, text.length(), "deep.json", (start, end) -> { }));
        assertTrue(e.getMessage().startsWith("deep.json: "), e.getMessage());
    }
}
