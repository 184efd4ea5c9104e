import { uploaderConfiguration } from "../configuration";
import { readConfiguration } from "../readConfiguration";
import { runProgram } from "../runProgram";
import { runService } from "./service";

/** The uploader of a host: brings its recordings to the store. */
runProgram({ "": () => runService(readConfiguration(uploaderConfiguration)) });
