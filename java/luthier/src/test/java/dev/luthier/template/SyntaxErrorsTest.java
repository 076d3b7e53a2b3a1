package dev.luthier.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Errors of reading name the line and what was found there. */
class SyntaxErrorsTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {{ }}                          | 1 | expected an expression, found '}}'
            a⏎{{ 1 + }}                    | 2 | expected an expression, found '}}'
            {{ 1 2 }}                      | 1 | expected '}}', found the number 2
            {{ a b }}                      | 1 | expected '}}', found 'b'
            {{ a                           | 1 | expected '}}', found the end of the template
            {{ (1 }}                       | 1 | unexpected '}', expected ')'
            {{ 1) }}                       | 1 | unexpected ')'
            {{ 'abc }}                     | 1 | the string that starts here has no closing '
            ⏎⏎{{ ? }}                      | 3 | unexpected character '?'
            {{ '\\xz' }}                   | 1 | the escape \\xXX in a string is cut short
            {# open                        | 1 | the comment that starts here has no '#}'
            {% raw %}⏎x                    | 1 | '{% raw %}' has no '{% endraw %}'
            {% if x %}⏎{% for y in z %}⏎   | 2 | the template ends where 'else' or 'endfor' should close 'for' of line 2
            {% if x %}⏎{% endfor %}        | 2 | unknown tag 'endfor'; the innermost open one is 'if' of line 1
            {% whatever %}                 | 1 | unknown tag 'whatever'
            {% %}                          | 1 | expected the name of a tag, found '%}'
            {% for x of y %}               | 1 | expected 'in', found 'of'
            {% for 1 in y %}               | 1 | expected a name to assign to, found the number 1
            {% set none = 1 %}             | 1 | expected a name to assign to, found 'none'
            {% set %}                      | 1 | expected a name to assign to, found '%}'
            {% break %}                    | 1 | 'break' outside of a loop
            {% for loop in x %}            | 1 | cannot assign to 'loop' inside a for loop
            {% macro m(a, a) %}            | 1 | the parameter 'a' is named twice
            {% macro m(a=1, b) %}          | 1 | the parameter 'b' without a default follows one with a default
            {% call 5 %}{% endcall %}      | 1 | 'call' wants a call, like {% call name() %}
            {{ f(a=1, 2) }}                | 1 | invalid arguments of a call: positional ones come first, each name once, then * and **
            {{ x[1:2, 3] }}                | 1 | a slice must stand alone between brackets, found ','
            {{ x. }}                       | 1 | expected a name or a number after '.', found '}}'
            {{ x is defined is string }}   | 1 | tests cannot be chained with 'is'
            `ok⏎{{ x|frobnicate }}`        | 2 | no filter is named 'frobnicate'
            {{ x is frobnicated }}         | 1 | no test is named 'frobnicated'
            """)
    void nameLineAndFind(String source, int line, String message) {
        TemplateException e = assertThrows(TemplateException.class,
                () -> ChatTemplate.parse(source.replace('⏎', '\n')));
        assertEquals("chat template, line " + line + ": " + message, e.getMessage());
        assertEquals(TemplateException.Kind.SYNTAX, e.kind());
        assertEquals(line, e.line());
    }
}
