// Who is signed in, the login form, and the name in the corner. Shared by every staff page.

import { api, onSignedOut } from "./api.js";

const { reactive, computed, ref, nextTick, onMounted, watch } = Vue;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("changda-staff") : null;

/** `staff` is {id, display_name, roles, skill_groups} or null; `known` turns true with the first answer. */
export const session = reactive({ known: false, staff: null, expired: false, reason: "", trouble: "" });

/** Asks the server who we are. */
export async function whoAmI() {
  try {
    const staff = await api.get("/auth/me");
    // Another person's drafts and chats must not stay on the screen.
    if (session.staff && session.staff.id !== staff.id) location.reload();
    Object.assign(session, { staff, expired: false, reason: "", trouble: "" });
  } catch (error) {
    if (error.status === 401) {
      // A disabled account hears that, and not that time ran out.
      session.reason = error.code === "account_disabled" ? error.message : "";
      session.expired = Boolean(session.staff);
    } else session.trouble = error.message;
  } finally {
    session.known = true;
  }
}

export async function login(username, password) {
  await api.post("/auth/login", { username, password });
  await whoAmI();
  // A right password that does not open the door needs a word.
  if (!session.staff || session.expired) throw new Error(session.reason || session.trouble || "登录没有成功，请再试一次。");
  channel?.postMessage("changed");
}

const RENEW_EARLY = 0.8;
const SOONEST_RENEWAL_S = 5;
const LONGEST_TIMER_S = 2_000_000;
let renewal = 0;

/** Renews the login before its token runs out in `seconds`; `fresh(token)` gets each new token. */
export function renewBefore(seconds, fresh) {
  clearTimeout(renewal);
  const wait = Math.min(LONGEST_TIMER_S, Math.max(SOONEST_RENEWAL_S, seconds * RENEW_EARLY));
  renewal = setTimeout(async () => {
    try {
      fresh((await api.post("/auth/renew")).access_token);
    } catch (error) {
      // Out of reach: once more a little later. Refused: the login form has come up by itself.
      if (error.temporary) renewBefore(seconds * (1 - RENEW_EARLY), fresh);
    }
  }, wait * 1000);
}

export async function logout() {
  await api.post("/auth/logout").catch(() => {});
  channel?.postMessage("changed");
  location.reload();
}

export const hasRole = (...roles) => Boolean(session.staff?.roles.some((role) => roles.includes(role)));

onSignedOut(() => {
  if (session.staff) session.expired = true;
});
channel?.addEventListener("message", () => (session.staff ? location.reload() : whoAmI()));

const LoginForm = {
  props: { title: String, hint: String },
  setup(props) {
    const form = reactive({ username: session.staff?.id || "", password: "", busy: false, problem: "" });
    const first = ref(null);
    const second = ref(null);
    onMounted(() => nextTick(() => (form.username ? second : first).value?.focus()));
    async function submit() {
      if (!form.username.trim() || !form.password) {
        form.problem = "请输入工号和密码。";
        return;
      }
      form.busy = true;
      form.problem = "";
      try {
        await login(form.username.trim(), form.password);
      } catch (error) {
        form.problem = error.message;
      } finally {
        form.busy = false;
      }
    }
    return { form, first, second, submit };
  },
  template: `
    <form class="login-card" @submit.prevent="submit" :aria-label="title">
      <div class="brand"><span class="brand-mark" aria-hidden="true">畅</span><div><h1>{{ title }}</h1><p>{{ hint }}</p></div></div>
      <label>工号<el-input ref="first" v-model="form.username" name="username" autocomplete="username" size="large" maxlength="40" /></label>
      <label>密码<el-input ref="second" v-model="form.password" name="password" type="password" show-password autocomplete="current-password" size="large" maxlength="200" /></label>
      <p class="login-problem" role="alert">{{ form.problem }}</p>
      <el-button type="primary" size="large" native-type="submit" :loading="form.busy">登录</el-button>
    </form>`,
};

/**
 * <staff-gate title="坐席工作台" :roles="['agent']">…</staff-gate>: its content once somebody with one of the
 * roles is signed in. When a login runs out the content stays as it is, below a login form.
 */
export const StaffGate = {
  components: { LoginForm },
  props: { title: String, roles: Array },
  setup(props) {
    const allowed = computed(() => hasRole(...props.roles));
    onMounted(whoAmI);
    watch(allowed, (yes) => yes && document.body.classList.add("signed-in"), { immediate: true });
    return { session, allowed, logout, whoAmI };
  },
  template: `
    <slot v-if="session.staff && allowed" />
    <main v-else-if="session.staff" class="gate">
      <div class="login-card"><h1>{{ title }}</h1>
        <p>{{ session.staff.display_name }}（{{ session.staff.id }}）没有使用这个页面的权限。</p>
        <el-button type="primary" size="large" @click="logout">换一个账号登录</el-button></div>
    </main>
    <main v-else-if="session.trouble" class="gate">
      <div class="login-card"><h1>{{ title }}</h1><p role="alert">{{ session.trouble }}</p>
        <el-button type="primary" size="large" @click="whoAmI">重试</el-button></div>
    </main>
    <main v-else-if="session.known" class="gate"><login-form :title="title" hint="畅答 · 请用工号登录" /></main>
    <main v-else class="gate gate-quiet" aria-busy="true"></main>
    <div v-if="session.expired && session.staff" class="gate gate-over" role="dialog" aria-modal="true" aria-label="登录已过期">
      <login-form title="登录已过期" :hint="session.reason || '重新登录后，未发送的内容都还在'" />
    </div>`,
};

const THEMES = [["auto", "跟随系统"], ["light", "浅色"], ["dark", "深色"]];
const PAGES = [["/desk", "坐席工作台", ["agent", "supervisor"]], ["/ops", "运营监控", ["supervisor"]], ["/knowledge", "知识库", ["editor"]]];

/** <staff-menu />: the name in the corner, with theme, the other pages one may use, and logout. */
export const StaffMenu = {
  setup() {
    const theme = ref(window.changdaTheme.get());
    const pages = computed(() => PAGES.filter(([path, , roles]) => hasRole(...roles) && path !== location.pathname));
    const initial = computed(() => (session.staff?.display_name || "？").slice(0, 1));
    function choose(command) {
      if (command === "logout") logout();
      else if (command.startsWith("/")) window.open(command, "_blank", "noopener");
      else theme.value = window.changdaTheme.set(command);
    }
    return { session, theme, pages, initial, choose, themes: THEMES };
  },
  template: `
    <el-dropdown trigger="click" @command="choose">
      <button class="who" type="button" :aria-label="'账号菜单：' + session.staff.display_name">
        <span class="avatar" aria-hidden="true">{{ initial }}</span><span class="who-name">{{ session.staff.display_name }}</span>
      </button>
      <template #dropdown>
        <el-dropdown-menu>
          <el-dropdown-item disabled>{{ session.staff.id }}</el-dropdown-item>
          <el-dropdown-item v-for="[path, name] in pages" :key="path" :command="path">{{ name }}</el-dropdown-item>
          <el-dropdown-item v-for="([mode, name], i) in themes" :key="mode" :command="mode" :divided="i === 0">{{ theme === mode ? '✓ ' : '' }}{{ name }}</el-dropdown-item>
          <el-dropdown-item command="logout" divided>退出登录</el-dropdown-item>
        </el-dropdown-menu>
      </template>
    </el-dropdown>`,
};
