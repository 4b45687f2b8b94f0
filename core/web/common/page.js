// Starts a staff page: Vue with Element Plus in Chinese, the shared components, and a last resort for errors.

import { StaffGate, StaffMenu } from "./login.js";
import { SafeText } from "./text.js";

/** Mounts `root` on #app. Templates come only from our own modules, never from data. */
export function mountPage(root) {
  const app = Vue.createApp(root);
  app.use(ElementPlus, { locale: ElementPlusLocaleZhCn });
  app.component("StaffGate", StaffGate);
  app.component("StaffMenu", StaffMenu);
  app.component("SafeText", SafeText);
  app.config.errorHandler = (error) => {
    console.error(error);
    ElementPlus.ElMessage({ type: "error", message: "页面出了点问题，请刷新重试。", grouping: true });
  };
  app.mount("#app");
  return app;
}

/** Shows a failure to the person, once even if it repeats. */
export function complain(error) {
  // Without a status it is no answer of the server but a fault of ours.
  if (error?.status === undefined) console.error(error);
  if (error?.status === 401) return;
  ElementPlus.ElMessage({ type: "error", message: error?.message || String(error), grouping: true, showClose: true, duration: 5000 });
}

/** Says that something worked. */
export function tell(message, type = "success") {
  ElementPlus.ElMessage({ type, message, grouping: true });
}
