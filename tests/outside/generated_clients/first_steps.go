// Command first_steps makes the first steps of the story with the generated Go client: a project, a repository, and
// the mirror that asks to join, is let in and is listed. That all of the client compiles says the rest.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	heliostat "example.com/heliostat/client"
)

// How long the mirror may take to ask, and the pause between two looks.
const (
	patience = 4 * time.Minute
	pause    = 50 * time.Millisecond
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("the story is told")
}

func run() error {
	settings := heliostat.NewConfiguration()
	settings.Servers = heliostat.ServerConfigurations{{URL: os.Getenv("HELIOSTAT_STORY_UPSTREAM") + "/rest"}}
	client := heliostat.NewAPIClient(settings)
	anonymous := context.Background()
	admin := context.WithValue(anonymous, heliostat.ContextBasicAuth, heliostat.BasicAuth{
		UserName: "admin", Password: os.Getenv("HELIOSTAT_STORY_PASSWORD"),
	})

	properties, _, err := client.ApplicationAPI.GetApplicationProperties(anonymous).Execute()
	if err != nil || properties.DisplayName != "Heliostat" {
		return fmt.Errorf("the properties are %+v: %w", properties, err)
	}
	project, _, err := client.ProjectsAPI.CreateProject(admin).
		RestProjectRequest(*heliostat.NewRestProjectRequest("ONE", "First project")).Execute()
	if err != nil || project.Key != "ONE" {
		return fmt.Errorf("the project is %+v: %w", project, err)
	}
	repository, _, err := client.RepositoriesAPI.CreateRepository(admin, project.Key).
		RestRepositoryRequest(*heliostat.NewRestRepositoryRequest("Tools")).Execute()
	if err != nil || repository.Slug != "tools" || repository.Project.Id != project.Id {
		return fmt.Errorf("the repository is %+v: %w", repository, err)
	}

	request, err := pendingRequest(admin, client)
	if err != nil {
		return err
	}
	// This generator sends `null` for a body that is left out, which is not what the contract has: an empty one it is.
	mirror, _, err := client.MirroringUpstreamAPI.Accept(admin, fmt.Sprint(request.Id)).
		RestMirrorAcceptance(*heliostat.NewRestMirrorAcceptance()).Execute()
	if err != nil || mirror.Id != request.MirrorId || mirror.MirrorType != heliostat.MIRRORTYPE_SINGLE {
		return fmt.Errorf("the mirror is %+v: %w", mirror, err)
	}
	page, _, err := client.MirroringUpstreamAPI.ListMirrors(admin).Execute()
	if err != nil || len(page.Values) != 1 || page.Values[0].Id != mirror.Id {
		return fmt.Errorf("the mirrors are %+v: %w", page, err)
	}
	if _, err = client.MirroringUpstreamAPI.Remove(admin, mirror.Id).Execute(); err != nil {
		return fmt.Errorf("cannot remove the mirror: %w", err)
	}
	return missing(client.MirroringUpstreamAPI.GetMirror(admin, mirror.Id).Execute())
}

// pendingRequest waits for the mirror to ask.
func pendingRequest(admin context.Context, client *heliostat.APIClient) (*heliostat.RestMirroringRequest, error) {
	for started := time.Now(); time.Since(started) < patience; time.Sleep(pause) {
		page, _, err := client.MirroringUpstreamAPI.ListRequests(admin).
			State(heliostat.MIRRORINGREQUESTSTATE_PENDING).Execute()
		if err != nil {
			return nil, fmt.Errorf("cannot list requests: %w", err)
		}
		for _, request := range page.Values {
			if request.MirrorName == os.Getenv("HELIOSTAT_STORY_MIRROR_NAME") {
				return &request, nil
			}
		}
	}
	return nil, fmt.Errorf("waited %v in vain for the mirror's request", patience)
}

// missing checks that the answer is 404, with a body of its documented type.
func missing(found *heliostat.RestMirrorServer, response *http.Response, err error) error {
	var failure *heliostat.GenericOpenAPIError
	if !errors.As(err, &failure) || response.StatusCode != http.StatusNotFound {
		return fmt.Errorf("found %+v instead of nothing: %w", found, err)
	}
	if body, ok := failure.Model().(heliostat.RestErrors); !ok || len(body.Errors) != 1 {
		return fmt.Errorf("the body of the error is %+v", failure.Model())
	}
	return nil
}
