/**
 * Chat templates: our own implementation of the part of the Jinja language that chat templates are written in.
 *
 * <p>{@link dev.luthier.template.ChatTemplate} is the way in. The language follows Jinja 3.1 as the
 * Hugging Face libraries set it up: {@code trim_blocks} and {@code lstrip_blocks} on, loop controls,
 * {@code generation} blocks, an immutable sandbox, and {@code tojson}, {@code raise_exception} and
 * {@code strftime_now} of their own. Values behave as Python's do (text of numbers, truth, slices,
 * code points rather than UTF-16 units), so that a prompt comes out the same to the byte.
 *
 * <p>Left out: template inheritance and inclusion (there is no loader), the filters {@code pprint},
 * {@code random}, {@code striptags}, {@code urlize} and {@code wordwrap}, and the global {@code lipsum}.
 *
 * <p>Inside: {@code Lexer -> Parser -> Stmt/Expr -> Executor/Evaluator}; a {@code Rendering} is the state of one
 * rendering, a {@code Meter} counts its work and stops it.
 */
package dev.luthier.template;
