/** The stand-in's controls. A shape is what demo.py's screen_of returns. */

const where = (side, who, act = "") => `/demo/${side}/${who}${act && `/${act}`}`;

/** What the person's phone shows now. Throws when the stand-in is not there. */
export async function look(side, who) {
	const response = await fetch(where(side, who), { cache: "no-store" });
	if (!response.ok) throw new Error(`HTTP ${response.status}`);
	return response.json();
}

/** The person, or the platform, does something; waits until the bot's server has taken it. */
export async function perform(side, who, act, body = {}) {
	const response = await fetch(where(side, who, act), {
		method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
	});
	if (!response.ok) throw new Error(`HTTP ${response.status}`);
}
