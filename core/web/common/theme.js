// Loaded in <head> before anything is painted, so that a dark desk never flashes white.
(() => {
  const KEY = "changda-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem(KEY) || "auto";
    } catch {
      return "auto";
    }
  };
  const apply = () => {
    const mode = chosen();
    const dark = mode === "dark" || (mode === "auto" && system.matches);
    document.documentElement.classList.toggle("dark", dark);
    return mode;
  };
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === KEY && apply());
  window.changdaTheme = {
    get: chosen,
    set(mode) {
      try {
        localStorage.setItem(KEY, mode);
      } catch {
        // A private window may refuse storage; the theme then lasts as long as the page.
      }
      return apply();
    },
  };
})();
