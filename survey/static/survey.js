// The page works without this. It tells the site once that it was looked at, and throws confetti.
(() => {
  const { beacon, confetti } = document.currentScript.dataset;

  // A page view is one visible second on end: scanners open pages, and never show them.
  if (beacon !== undefined) {
    const form = document.forms[0];
    let timer;
    const tell = () => {
      document.removeEventListener("visibilitychange", watch);
      navigator.sendBeacon(form.action.replace(/\?/, "shown?"), form.elements.submit_id.value);
    };
    const watch = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible" && !document.prerendering)
        timer = setTimeout(tell, 1000);
    };
    document.addEventListener("visibilitychange", watch);
    document.addEventListener("prerenderingchange", watch);
    watch();
  }

  if (confetti !== undefined && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
    const colours = ["#f54e00", "#f7a501", "#1d4aff", "#30a46c", "#b62ad9"];
    const fall = (_, number) => {
      const piece = document.createElement("i");
      piece.ariaHidden = true;
      const { style } = piece;
      style.position = "fixed";
      style.left = `${Math.random() * 100}%`;
      style.top = "-1rem";
      style.width = ".5rem";
      style.height = ".8rem";
      style.pointerEvents = "none";
      style.background = colours[number % colours.length];
      document.body.append(piece);
      const drift = `${Math.random() * 8 - 4}rem`;
      const turn = `rotate3d(1, ${Math.random()}, 1, ${Math.random() * 900}deg)`;
      piece.animate(
        [{}, { transform: `translate(${drift}, ${60 + Math.random() * 50}vh) ${turn}`, opacity: 0 }],
        { duration: 900 + Math.random() * 600, easing: "cubic-bezier(.2, .6, .6, 1)", fill: "both" },
      ).onfinish = () => piece.remove();
    };
    Array.from({ length: 70 }).forEach(fall);
  }
})();
