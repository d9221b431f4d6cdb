// In place of react-style-singleton, with which dialogs write a style element that stops the page behind
// them from scrolling: the page's content policy refuses it, and this page does not scroll.
export const styleSingleton = () => () => null;
