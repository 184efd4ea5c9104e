export const RUN_SCRIPT = "";
