/**
 * What AWS takes of tags. All that the stack makes is tagged with `tags` and with its own: what one service refuses would
 * end an update in its midst.
 */

/** Letters and digits of all scripts, spaces, and these (https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html). */
const TAG_SIGNS = "_.:/=+-@";
const notInTags = /[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu;

/** The characters of a text that no service takes in a tag, each once. */
export const unfitForTag = (text: string): readonly string[] => [...new Set(text.match(notInTags))];
export const TAG_CHARACTERS = `letters, digits, spaces and ${TAG_SIGNS.split("").join(" ")}`;

/** The stack's own tags; those of `tags` may not have their names, in whatever case: IAM takes them for the same. */
export const OWN_TAGS = ["Project", "Stack", "Role", "Name", "Node", "Pool"] as const;

/** Where tags of users and the stack's own stand together, and what is taken there. */
export const MOST_TAGS = {
  /** Project, Stack and Role (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html). */
  object: { what: "an object in S3", most: 10, own: 3 },
  /** Name too (https://docs.aws.amazon.com/imagebuilder/latest/APIReference/API_CreateInfrastructureConfiguration.html). */
  baking: { what: "what Image Builder bakes on", most: 30, own: 4 },
  /** Pool, what machines are made of, the pointer and an emulator's address besides (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html). */
  resource: { what: "a machine", most: 50, own: 8 },
} as const;
