package dev.luthier.cli;

/** Takes the reasoning out of a stream of text; reasoning models begin inside it when the prompt has opened it. */
final class ThinkingFilter {
    private static final String OPEN = "<think>";
    private static final String CLOSE = "</think>";

    private final boolean hide;
    private boolean thinking;
    /** The answer has not begun: the space before it goes with the reasoning. */
    private boolean beforeAnswer;
    private String held = "";

    ThinkingFilter(boolean hide, boolean startsInside) {
        this.hide = hide;
        this.thinking = startsInside;
    }

    /** What of the next piece is to be shown; a piece that may be the start of a mark waits for the next. "" ends the stream. */
    String next(String piece) {
        if (!hide) return piece;
        StringBuilder shown = new StringBuilder();
        String text = held + piece;
        held = "";
        while (true) {
            String mark = thinking ? CLOSE : OPEN;
            int at = text.indexOf(mark);
            if (at < 0) break;
            if (!thinking) shown.append(text, 0, at);
            text = text.substring(at + mark.length());
            beforeAnswer = thinking;
            thinking = !thinking;
            if (beforeAnswer) text = text.stripLeading();
        }
        int keep = piece.isEmpty() ? 0 : partialMark(text, thinking ? CLOSE : OPEN);
        held = text.substring(text.length() - keep);
        if (!thinking) {
            String rest = text.substring(0, text.length() - keep);
            if (beforeAnswer) rest = rest.stripLeading();
            if (!rest.isEmpty()) beforeAnswer = false;
            shown.append(rest);
        }
        return shown.toString();
    }

    /** Length of the longest end of text that begins the mark. */
    private static int partialMark(String text, String mark) {
        for (int n = Math.min(text.length(), mark.length() - 1); n > 0; n--) if (mark.startsWith(text.substring(text.length() - n))) return n;
        return 0;
    }
}
