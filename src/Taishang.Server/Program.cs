using System.CommandLine;
using Taishang.Server;

var result = ServerCommand.Make().Parse(args);

// Signals are the server's own affair: its stop is graceful and has its own limit.
var code = await result.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
return result.Errors.Count > 0 ? ExitCode.Usage : code;
