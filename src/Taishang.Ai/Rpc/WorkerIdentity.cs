using System.Reflection;
using System.Text;
using Microsoft.Extensions.Logging;
using Taishang.Ai.Indexes;

namespace Taishang.Ai.Rpc;

/// <summary>
/// Who this worker is: a UUID made once and kept in its data folder, so that core finds the collections again when the
/// worker comes back under another address.
/// </summary>
internal sealed class WorkerIdentity
{
    public const string FileName = "worker-id";

    public WorkerIdentity(string dataFolder, ILogger<WorkerIdentity> logger)
    {
        var path = Path.Combine(dataFolder, FileName);
        Directory.CreateDirectory(dataFolder);
        if (File.Exists(path))
        {
            var text = File.ReadAllText(path).Trim();
            // A new id would orphan every collection of this folder: better not to start.
            WorkerId = Guid.TryParseExact(text, "D", out var id)
                ? id.ToString("D")
                : throw new InvalidDataException(
                    $"{path} holds no UUID; restore it, or delete it to make a new worker without its collections");
            return;
        }

        WorkerId = Guid.CreateVersion7().ToString("D");
        DurableFolder.WriteFile(path, Encoding.ASCII.GetBytes(WorkerId + "\n"));
        logger.LogInformation("This worker is {WorkerId} from now on", WorkerId);
    }

    public string WorkerId { get; }

    public static string Version { get; } =
        typeof(WorkerIdentity).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion.Split('+')[0] ?? "0.0.0";
}
