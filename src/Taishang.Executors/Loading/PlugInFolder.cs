using System.Reflection;
using System.Text.RegularExpressions;

namespace Taishang.Executors.Loading;

/// <summary>
/// Executors of a folder of plug-ins: each folder in it is one plug-in, whose main assembly has the folder's name. What
/// is there is meant to run, so whatever does not load stops the start with a message that says which and why; a
/// plug-in that was silently left out would be found by the first task that nobody runs.
/// </summary>
internal static partial class PlugInFolder
{
    public const int PlugInsMax = 64;

    public const int TypeCharactersMax = 50;

    /// <summary>Loads all of them, in the order of their names.</summary>
    /// <exception cref="InvalidDataException">One can not be loaded, or two are of one type.</exception>
    public static IReadOnlyList<ITaskExecutor> Load(string folder)
    {
        if (!Directory.Exists(folder)) throw new InvalidDataException($"the plug-in folder {folder} does not exist");
        var folders = Directory.GetDirectories(folder).Order(StringComparer.Ordinal).ToArray();
        if (folders.Length > PlugInsMax)
        {
            throw new InvalidDataException(
                $"the plug-in folder {folder} has {folders.Length} folders, at most {PlugInsMax} are loaded");
        }

        var executors = folders.SelectMany(LoadOne).ToArray();
        RequireOneEach(executors);
        return executors;
    }

    /// <exception cref="InvalidDataException">Two are of one type; the message names both.</exception>
    public static void RequireOneEach(IEnumerable<ITaskExecutor> executors)
    {
        var byType = new Dictionary<string, ITaskExecutor>();
        foreach (var executor in executors)
        {
            if (byType.TryAdd(executor.Type, executor)) continue;
            throw new InvalidDataException(
                $"two executors are registered for the type {executor.Type}: {Describe(byType[executor.Type])} and "
                + Describe(executor));
        }
    }

    /// <summary>True for what a type may be called.</summary>
    public static bool IsTypeName(string? type) => type is not null && TypeName().IsMatch(type);

    /// <summary>Null when an assembly that was built against this version of ours can run here, else why not.</summary>
    public static string? Misfit(Version? builtAgainst)
    {
        var ours = typeof(ITaskExecutor).Assembly.GetName().Version!;
        if (builtAgainst is null) return "does not use Taishang.Executors, so no executor can be in it";
        return builtAgainst.Major != ours.Major || builtAgainst.Minor > ours.Minor
            ? $"was built against Taishang.Executors {builtAgainst.ToString(2)}, and here is {ours.ToString(2)}"
            : null;
    }

    private static ITaskExecutor[] LoadOne(string folder)
    {
        var name = Path.GetFileName(folder);
        var main = Path.Combine(Path.GetFullPath(folder), name + ".dll");
        if (!File.Exists(main)) throw Refused(name, $"has no {name}.dll, its main assembly");
        try
        {
            var assembly = new PlugInLoadContext(name, main).LoadFromAssemblyPath(main);
            var built = assembly.GetReferencedAssemblies()
                .FirstOrDefault(one => one.Name == typeof(ITaskExecutor).Assembly.GetName().Name)?.Version;
            if (Misfit(built) is { } misfit) throw Refused(name, misfit);
            var classes = assembly.GetExportedTypes()
                .Where(one => one is { IsClass: true, IsAbstract: false } && one.IsAssignableTo(typeof(ITaskExecutor)))
                .OrderBy(one => one.FullName, StringComparer.Ordinal).ToArray();
            return classes.Length == 0
                ? throw Refused(name, "has no public class that implements ITaskExecutor")
                : Array.ConvertAll(classes, one => Make(name, one));
        }
        catch (Exception e) when (e is BadImageFormatException or IOException or TypeLoadException
            or ReflectionTypeLoadException or MissingMemberException)
        {
            throw new InvalidDataException($"the plug-in {name} can not be loaded: {e.Message}", e);
        }
    }

    private static ITaskExecutor Make(string plugIn, Type type)
    {
        if (type.ContainsGenericParameters || type.GetConstructor([]) is not { } constructor)
            throw Refused(plugIn, $"has the executor {type.FullName} without a public constructor that takes nothing");
        ITaskExecutor executor;
        string? taskType;
        try
        {
            executor = (ITaskExecutor)constructor.Invoke(null);
            taskType = executor.Type;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            throw new InvalidDataException(
                $"the plug-in {plugIn} can not be loaded: {type.FullName} failed to start: {cause.Message}", e);
        }

        return IsTypeName(taskType)
            ? executor
            : throw Refused(
                plugIn, $"has the executor {type.FullName} of the type '{taskType}': expected a small letter, then "
                + $"small letters, digits and _, at most {TypeCharactersMax} characters in all");
    }

    private static string Describe(ITaskExecutor executor)
    {
        var type = executor.GetType();
        return $"{type.FullName} of {type.Assembly.GetName().Name}";
    }

    private static InvalidDataException Refused(string plugIn, string why) => new($"the plug-in {plugIn} {why}");

    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,49}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 100)]
    private static partial Regex TypeName();
}
